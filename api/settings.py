"""Deployment settings: the only place that reads the environment (`FIREWARDEN_*`)."""

import os
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from firewarden.errors import HazardError
from firewarden.inference.batch_plan import PLAN_FILE, BatchPlan, load_plan
from firewarden.inference.machine import usable_cores

if TYPE_CHECKING:
    from sqlalchemy import URL

_MIB = 2**20
_MAX_SOLO_THREADS = 4  # the layers of a small network are too short to share out among more
_PREFIX = "FIREWARDEN_"
_OTHERS = ("BPY_PYTHON", "SHARED_DATA", "CI_TRAIN")  # variables of rendering and of the tests


class Settings(BaseSettings):
    """What an operator may choose. Each field is read from `FIREWARDEN_<FIELD>`; keyword arguments win."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    data_dir: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "firewarden",
        description="Folder of the stored photos and of the default database.",
    )
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL; by default an SQLite file in data_dir."
    )
    auth: bool = Field(default=True, description="Off only for a machine that nobody else can reach.")
    model: str | None = Field(default=None, description="Model id or folder; by default the shipped one.")
    rules: Path | None = Field(default=None, description="Rule file; by default the packaged one.")
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads of one run of the network; by default what `doctor --tune` measured, else 1.",
    )
    workers: int = Field(default=1, ge=1, description="Processes that share the address.")
    streams: int | None = Field(
        default=None,
        ge=1,
        description="Runs of the network at the same time in one process; by default what `doctor --tune` measured, "
        "else all cores, shared by the workers.",
    )
    solo_threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads for a photo that comes alone, used where that is measured to be quicker; 1: as for all others. "
        "By default all cores, shared by the workers, up to 4; with `threads` given, those.",
    )
    queue_size: int = Field(default=64, ge=0, description="Photos that may wait; the next one gets 429.")
    max_wait_s: float = Field(
        default=3.0, gt=0, description="Longest time a photo may be expected to wait; beyond it, 429."
    )
    max_body_bytes: int = Field(default=32 * _MIB, ge=1, description="Largest photo.")
    max_multipart_bytes: int = Field(
        default=160 * _MIB, ge=1, description="Largest multipart body, all parts."
    )
    max_buffered_bytes: int = Field(
        default=512 * _MIB, ge=1, description="Bytes of all uploads held in memory together; beyond it, 429."
    )
    max_batch_bytes: int = Field(
        default=2048 * _MIB, ge=1, description="Largest upload of a batch; it is spooled to disk."
    )
    max_batch_files: int = Field(
        default=200,
        ge=1,
        description="File parts in one batch; archives hold as many photos as max_batch_items.",
    )
    max_batch_items: int = Field(default=100_000, ge=1, description="Photos in one batch.")
    batch_uploads: int = Field(
        default=2, ge=1, description="Batches one process takes in at the same time; beyond it, 429."
    )
    batch_timeout_s: float = Field(
        default=900.0, gt=0, description="Time the upload of a batch may take before 408."
    )
    job_retention_days: int = Field(
        default=30, ge=1, description="Days that a batch and its results are kept after its end."
    )
    keep_inspections_days: int = Field(
        default=0, ge=0, description="Days that inspections and their photos are kept; 0: for ever."
    )
    max_photos: int = Field(default=20, ge=1, description="Photos in one multipart request.")
    max_pixels: int = Field(default=50_000_000, ge=1, description="Width x height of one photo.")
    body_timeout_s: float = Field(default=60.0, gt=0, description="Time an upload may take before 408.")
    drain_notice_s: float = Field(
        default=0.0,
        ge=0,
        description="After SIGTERM, how long /readyz says 503 before the address is closed.",
    )
    drain_timeout_s: int = Field(
        default=30, ge=1, description="After SIGTERM, how long requests that came in may take to end."
    )
    key_cache_s: float = Field(
        default=10.0, ge=0, description="How long a key is trusted without asking the database again."
    )
    webhook_url: SecretStr | None = Field(
        default=None, description="Where camera events are posted; https, or http on this machine."
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="Signs what is posted; at least 24 characters."
    )
    webhook_old_secret: SecretStr | None = Field(
        default=None, description="Signs as well, while receivers change to the new one."
    )
    webhook_ca: Path | None = Field(
        default=None, description="Certificates to trust instead of the system's."
    )
    webhook_allow_http: bool = Field(default=False, description="Post in the clear to other machines.")
    mqtt_host: str | None = Field(default=None, description="MQTT 5 broker that camera events go to.")
    mqtt_port: int | None = Field(
        default=None, ge=1, le=65535, description="By default 8883, without TLS 1883."
    )
    mqtt_tls: bool = Field(default=True, description="Off for a broker on this machine.")
    mqtt_ca: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    mqtt_user: str | None = Field(default=None, description="User at the broker.")
    mqtt_password: SecretStr | None = Field(default=None, description="Password at the broker.")
    mqtt_topic: str = Field(default="firewarden", description="Events go to <topic>/<camera id>/events.")
    mqtt_allow_plain: bool = Field(default=False, description="Send in the clear to another machine.")
    delivery_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="How long a receiver may take to confirm one event."
    )
    delivery_lease_s: float = Field(
        default=60.0, gt=0, description="How long one sender holds an event before another one may take it."
    )
    delivery_attempts: int = Field(default=80, ge=1, description="Attempts before an event is given up.")
    otel_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "otel_endpoint", "FIREWARDEN_OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
        ),
        description="OTLP/HTTP collector for traces, e.g. http://localhost:4318; needs the extra otel.",
    )

    def make_data_dir(self) -> None:
        """The data folder, for this user alone: homes are in these photos. Raises HazardError where it cannot be used."""
        cure = "Give a folder that you may write to with --data-dir or FIREWARDEN_DATA_DIR."
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HazardError(
                f"the data folder {self.data_dir} cannot be made: {error.strerror}. {cure}"
            ) from error
        if not os.access(self.data_dir, os.W_OK | os.X_OK):
            raise HazardError(f"the data folder {self.data_dir} cannot be written to. {cure}")

    @property
    def metrics_dir(self) -> Path:
        """Where several workers keep their counts together."""
        return self.data_dir / "metrics"

    @property
    def frames_dir(self) -> Path:
        """Where the masked pictures of camera events are."""
        return self.data_dir / "frames"

    @property
    def destinations(self) -> tuple[str, ...]:
        """Who is told of camera events."""
        given = {"webhook": self.webhook_url, "mqtt": self.mqtt_host}
        return tuple(name for name, address in given.items() if address is not None)

    def batch_plan(self, *, tuned: bool) -> BatchPlan:
        """How one process shares the network: as measured where the machine is `tuned`, by these settings where they say."""
        measured = load_plan(self.data_dir / PLAN_FILE) if tuned else None
        plan = measured or BatchPlan(streams=max(1, usable_cores() // (self.threads or 1)))
        return replace(plan, streams=self.streams or max(1, plan.streams // self.workers))

    def threads_of_solo(self) -> int:
        """What a photo gets that comes alone in one process."""
        return (
            self.solo_threads
            or self.threads
            or min(_MAX_SOLO_THREADS, max(1, usable_cores() // self.workers))
        )

    def resolved_database_url(self) -> "URL":
        """The database to open."""
        # a long import, which the start of a service does while it opens the network
        from sqlalchemy import URL, make_url
        from sqlalchemy.exc import ArgumentError

        if self.database_url is not None:
            try:
                return make_url(self.database_url.get_secret_value())
            except ArgumentError as error:  # the address is not repeated: it may hold a password
                raise HazardError(
                    "FIREWARDEN_DATABASE_URL is no address of a database, expected sqlite:////PATH or "
                    "postgresql://USER:PASSWORD@HOST/NAME"
                ) from error
        return URL.create("sqlite", database=str(self.data_dir / "firewarden.db"))


def unknown_settings(names: Iterable[str] | None = None) -> list[str]:
    """A sentence for each of `names` (by default: the environment's) that begins like a setting and is none, with the one
    that was probably meant: a misspelt retention would keep photos for ever."""
    known = [name.upper() for name in Settings.model_fields]
    names = sorted(
        name for name in (os.environ if names is None else names) if name.upper().startswith(_PREFIX)
    )
    given = {name: name.upper().removeprefix(_PREFIX) for name in names}
    return [_unknown(name, bare, known) for name, bare in given.items() if bare not in (*known, *_OTHERS)]


def _unknown(name: str, bare: str, known: list[str]) -> str:
    meant = get_close_matches(bare, known, n=1)
    cure = f"did you mean {_PREFIX}{meant[0]}?" if meant else "see docs/serving.md"
    return f"{name} is no setting and changes nothing; {cure}"
