"""Everything one app holds, built once in `create_app` and handed to routes: no globals."""

from dataclasses import dataclass

from firewarden.api.blobs import BlobStore
from firewarden.api.metrics import Metrics
from firewarden.api.pool import WorkPool
from firewarden.api.ports import InspectorPort
from firewarden.api.recorder import Recorder
from firewarden.api.settings import Settings
from firewarden.api.storage import Repository
from firewarden.api.uploads import BodyBudget


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service."""

    settings: Settings
    inspector: InspectorPort
    repository: Repository
    blobs: BlobStore
    pool: WorkPool
    budget: BodyBudget
    metrics: Metrics
    recorder: Recorder

    def open(self) -> None:
        """Make folders, migrate the database, start the threads."""
        self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # homes are in these photos
        self.blobs.open()
        self.repository.open()
        self.pool.open()

    def close(self) -> None:
        self.pool.close()
        self.repository.close()


def build_services(inspector: InspectorPort, settings: Settings) -> Services:
    """Parts joined, nothing opened yet."""
    repository = Repository(settings.resolved_database_url())
    blobs = BlobStore(settings.data_dir / "blobs")
    pool = WorkPool(workers=settings.workers, max_waiting=settings.queue_size)
    metrics = Metrics(in_flight=lambda: pool.in_flight)
    return Services(
        settings=settings,
        inspector=inspector,
        repository=repository,
        blobs=blobs,
        pool=pool,
        budget=BodyBudget(settings.max_buffered_bytes),
        metrics=metrics,
        recorder=Recorder(inspector, repository, blobs, pool, metrics),
    )
