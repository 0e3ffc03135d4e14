"""Run the service in one process: `serve(Settings(), host, port)`."""

import logging
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from firewarden.api.app import create_app
from firewarden.api.auth import create_first_key
from firewarden.api.ports import InspectorPort
from firewarden.api.settings import Settings
from firewarden.api.storage import Repository
from firewarden.models.manifest import is_model_id

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_log = logging.getLogger(__name__)


def serve(settings: Settings, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Load model and rules, then answer until told to stop. Raises HazardError where either is unusable."""
    from firewarden.inference.inspector import open_inspector

    inspector = open_inspector(
        _model(settings.model), settings.rules, threads=settings.threads, max_pixels=settings.max_pixels
    )
    serve_inspector(inspector, settings, host, port)


def serve_inspector(inspector: InspectorPort, settings: Settings, host: str, port: int) -> None:
    """Serve a given inspector. The first start on an empty data folder prints the owner's API key, once."""
    if settings.auth:
        _print_first_key(settings)
    elif not _is_loopback(host):
        _log.warning("authentication is off and %s is open to others; set FIREWARDEN_AUTH=true", host)
    app = create_app(inspector, settings)
    shown = f"[{host}]" if ":" in host else host
    print(f"FireWarden listens on http://{shown}:{port} (API: /docs, data: {settings.data_dir})", flush=True)
    # no access log: its lines would hold positions from query strings; /metrics counts requests instead
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)


def _model(name: str | None) -> str | Path | None:
    """A model id as it is, anything else (`./mine`, `/models/mine`) as a folder."""
    return name if name is None or is_model_id(name) else Path(name)


def _print_first_key(settings: Settings) -> None:
    repository = Repository(settings.resolved_database_url())
    repository.open()
    key = create_first_key(repository)
    repository.close()
    if key is not None:
        print(f"API key of the owner, shown this once: {key}", flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    serve(Settings())
