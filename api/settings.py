"""Deployment settings: the only place that reads the environment (`FIREWARDEN_*`)."""

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

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
    threads: int = Field(default=1, ge=1, description="Threads of one inspection inside the runtime.")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Inspections that run at the same time.",
    )
    queue_size: int = Field(default=32, ge=0, description="Requests that may wait; the next one gets 429.")
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

    def resolved_database_url(self) -> URL:
        """The database to open."""
        if self.database_url is not None:
            return make_url(self.database_url.get_secret_value())
        return URL.create("sqlite", database=str(self.data_dir / "firewarden.db"))
