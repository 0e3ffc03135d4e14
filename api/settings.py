"""Deployment settings: the only place that reads the environment (`FIREWARDEN_*`)."""

from dataclasses import replace
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from firewarden.inference.batch_plan import PLAN_FILE, BatchPlan, load_plan
from firewarden.inference.machine import usable_cores

_MIB = 2**20


class Settings(BaseSettings):
    """What an operator may choose. Each field is read from `FIREWARDEN_<FIELD>`; keyword arguments win."""

    model_config = SettingsConfigDict(env_prefix="FIREWARDEN_", frozen=True)

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
    queue_size: int = Field(default=256, ge=0, description="Photos that may wait; the next one gets 429.")
    max_wait_s: float = Field(
        default=2.0, gt=0, description="Longest time a photo may be expected to wait; beyond it, 429."
    )
    max_body_bytes: int = Field(default=32 * _MIB, ge=1, description="Largest photo.")
    max_multipart_bytes: int = Field(
        default=160 * _MIB, ge=1, description="Largest multipart body, all parts."
    )
    max_buffered_bytes: int = Field(
        default=512 * _MIB, ge=1, description="Bytes of all uploads held in memory together; beyond it, 429."
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
    otel_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "otel_endpoint", "FIREWARDEN_OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
        ),
        description="OTLP/HTTP collector for traces, e.g. http://localhost:4318; needs `firewarden[otel]`.",
    )

    @property
    def metrics_dir(self) -> Path:
        """Where several workers keep their counts together."""
        return self.data_dir / "metrics"

    def batch_plan(self, *, tuned: bool) -> BatchPlan:
        """How one process shares the network: as measured where the machine is `tuned`, by these settings where they say."""
        measured = load_plan(self.data_dir / PLAN_FILE) if tuned else None
        plan = measured or BatchPlan(streams=max(1, usable_cores() // (self.threads or 1)))
        return replace(plan, streams=self.streams or max(1, plan.streams // self.workers))

    def resolved_database_url(self) -> URL:
        """The database to open."""
        if self.database_url is not None:
            return make_url(self.database_url.get_secret_value())
        return URL.create("sqlite", database=str(self.data_dir / "firewarden.db"))
