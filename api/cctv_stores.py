"""Cameras, events and outgoing messages of one database, joined by the settings; for the service and the command line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from firewarden.api.settings import Settings
from firewarden.cctv.camera import Camera
from firewarden.cctv.camera_store import CameraStore
from firewarden.cctv.delivery import Deliverer, Sender
from firewarden.cctv.event_store import EventStore
from firewarden.cctv.health_store import HealthStore
from firewarden.cctv.mqtt import MqttSender, MqttSettings
from firewarden.cctv.outbox import DeliveryPolicy, Outbox
from firewarden.cctv.webhook import WebhookSender, WebhookSettings
from firewarden.errors import HazardError
from firewarden.inference.cctv_rules import RegisterRules
from firewarden.jobs.photos import sweep_photos
from firewarden.jobs.retention import forget_old_jobs
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import build_engine, check_exists, database_now, prepare

_SENT_KEPT = timedelta(days=30)  # messages that were delivered, for questions


@dataclass(frozen=True, slots=True)
class Tidied:
    """How much was deleted."""

    pictures: int
    jobs: int
    photos: int = 0  # of batches and refused uploads, by a sweep


@dataclass(frozen=True, slots=True)
class CctvStores:
    """The stores; nothing is opened by building them."""

    engine: Engine
    cameras: CameraStore
    events: EventStore
    outbox: Outbox
    health: HealthStore
    photos: BlobStore  # of inspections and batches
    job_retention_days: int

    def open(self) -> None:
        """Make the folders of the pictures; the schema is the caller's."""
        self.events.pictures.blobs.open()
        self.photos.open()

    def tidy(self, rules: RegisterRules, *, sweep: bool = False) -> Tidied:
        """Delete pictures of events and batches whose time is over, and messages sent long ago. `sweep` looks through all
        photos for those that no row names."""
        cameras = {camera.id: camera for camera in self.cameras.load_all()}
        with self.engine.connect() as connection:
            now = database_now(connection)
        self.outbox.forget_sent(now - _SENT_KEPT)
        self.events.end_forsaken(now - timedelta(days=rules.retention_days))
        pictures = self.events.pictures.delete_old(cameras, days_without_camera=rules.retention_days)
        forgotten = forget_old_jobs(self.engine, self.photos, days=self.job_retention_days)
        return Tidied(pictures, forgotten, sweep_photos(self.engine, self.photos) if sweep else 0)


def build_cctv(engine: Engine, settings: Settings, file_cameras: Iterable[Camera] = ()) -> CctvStores:
    """Stores of an engine, told by `settings` where pictures lie and who is told of events; `file_cameras` as in
    EventStore."""
    policy = DeliveryPolicy(lease_s=settings.delivery_lease_s, max_attempts=settings.delivery_attempts)
    blobs = BlobStore(settings.frames_dir)
    return CctvStores(
        engine,
        CameraStore(engine),
        EventStore(engine, blobs, settings.destinations, file_cameras),
        Outbox(engine, policy),
        HealthStore(engine),
        BlobStore(settings.data_dir / "blobs"),
        settings.job_retention_days,
    )


def open_cctv(settings: Settings, *, make: bool = True, file_cameras: Iterable[Camera] = ()) -> CctvStores:
    """Stores ready for use: folders made, schema up to date. Raises HazardError where they cannot be and, unless `make`,
    where there is no database: a mistyped folder must not look like one in which nothing happened."""
    engine = build_engine(settings.resolved_database_url())
    if make:
        settings.make_data_dir()
    else:
        check_exists(engine)
    stores = build_cctv(engine, settings, file_cameras)
    prepare(stores.engine)
    stores.open()
    return stores


def build_senders(settings: Settings) -> tuple[Sender, ...]:
    """A sender for each destination; raises HazardError for settings that are not safe or not whole."""
    if settings.delivery_lease_s < 3 * settings.delivery_timeout_s:
        raise HazardError(
            f"delivery lease: got {settings.delivery_lease_s:g} s, expected at least three times the timeout of "
            f"{settings.delivery_timeout_s:g} s, or two senders may send one message at a time"
        )
    senders: list[Sender] = []
    if settings.webhook_url is not None:
        senders.append(WebhookSender(_webhook(settings, settings.webhook_url.get_secret_value())))
    if settings.mqtt_host is not None:
        senders.append(MqttSender(_mqtt(settings, settings.mqtt_host)))
    return tuple(senders)


def build_deliverer(stores: CctvStores, settings: Settings, chores: Callable[[], object]) -> Deliverer:
    """The loop of `firewarden cctv deliver`."""
    return Deliverer(stores.outbox, build_senders(settings), chores=chores)


def _webhook(settings: Settings, url: str) -> WebhookSettings:
    secrets = (settings.webhook_secret, settings.webhook_old_secret)
    return WebhookSettings(
        url=url,
        secrets=tuple(secret.get_secret_value() for secret in secrets if secret is not None),
        timeout_s=settings.delivery_timeout_s,
        allow_http=settings.webhook_allow_http,
        ca_file=settings.webhook_ca,
    )


def _mqtt(settings: Settings, host: str) -> MqttSettings:
    return MqttSettings(
        host=host,
        port=settings.mqtt_port,
        tls=settings.mqtt_tls,
        ca_file=settings.mqtt_ca,
        user=settings.mqtt_user,
        password=settings.mqtt_password.get_secret_value() if settings.mqtt_password else None,
        topic=settings.mqtt_topic,
        timeout_s=settings.delivery_timeout_s,
        allow_plain=settings.mqtt_allow_plain,
    )
