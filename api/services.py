"""Everything one app holds, built once in `create_app` and handed to routes: no globals."""

import threading
from dataclasses import dataclass, field
from functools import partial

from firewarden.api.cctv_stores import CctvStores, build_cctv
from firewarden.api.keys import KeyCache
from firewarden.api.metrics import Metrics
from firewarden.api.metrics_stored import StoredCollector, read_state
from firewarden.api.pool import WorkPool
from firewarden.api.ports import InspectorPort
from firewarden.api.readiness import Readiness
from firewarden.api.recorder import Recorder
from firewarden.api.settings import Settings
from firewarden.api.storage import Repository
from firewarden.api.tracing import Tracer, build_tracer
from firewarden.api.uploads import BodyBudget
from firewarden.api.vault import Vault
from firewarden.jobs.store import JobStore
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import build_engine


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service. `draining` is set when the process has been asked to end."""

    settings: Settings
    inspector: InspectorPort
    repository: Repository
    keys: KeyCache
    blobs: BlobStore
    vault: Vault
    pool: WorkPool
    budget: BodyBudget
    metrics: Metrics
    recorder: Recorder
    tracer: Tracer
    jobs: JobStore
    cctv: CctvStores
    batch_slots: threading.BoundedSemaphore  # uploads of batches at the same time
    readiness: Readiness = field(default_factory=Readiness)
    draining: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        """Make folders, migrate the database, warm up the network, start the threads."""
        self.settings.make_data_dir()
        self.blobs.open()
        self.cctv.open()
        self.repository.open()
        self.vault.open()
        self.pool.open(service_s=self.inspector.warm_up())
        self.inspector.listen(self.metrics.observe_run)  # from now on: the warm-up is no work

    def close(self) -> None:
        """End the work that was begun, write what was handed in, then let go."""
        self.pool.close()
        self.inspector.close()
        self.vault.close()
        self.repository.close()
        self.tracer.close()


def build_services(inspector: InspectorPort, settings: Settings) -> Services:
    """Parts joined, nothing opened yet."""
    engine = build_engine(settings.resolved_database_url())
    repository = Repository(engine)
    blobs = BlobStore(settings.data_dir / "blobs")
    vault = Vault(repository, blobs)
    metrics = Metrics(settings.metrics_dir if settings.workers > 1 else None)
    pool = WorkPool(
        workers=inspector.photos_at_once,
        runs=inspector.runs_at_once,
        max_waiting=settings.queue_size,
        max_wait_s=settings.max_wait_s,
        on_start=metrics.observe_queue_wait,
        on_refused=metrics.observe_shed,
        on_change=partial(metrics.set_in_flight, at_once=inspector.photos_at_once),
    )
    jobs, cctv = JobStore(engine), build_cctv(engine, settings)
    read = partial(read_state, jobs, cctv.outbox, cctv.health, settings.destinations)
    metrics.add_collector(StoredCollector(read))
    return Services(
        settings=settings,
        inspector=inspector,
        repository=repository,
        keys=KeyCache(repository, ttl_s=settings.key_cache_s),
        blobs=blobs,
        vault=vault,
        pool=pool,
        budget=BodyBudget(settings.max_buffered_bytes, metrics.observe_shed),
        metrics=metrics,
        recorder=Recorder(inspector, repository, vault, metrics, nobody_waits=lambda: pool.nobody_waits),
        tracer=build_tracer(settings.otel_endpoint),
        jobs=jobs,
        cctv=cctv,
        batch_slots=threading.BoundedSemaphore(settings.batch_uploads),
    )
