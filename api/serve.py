"""Run the service: `serve(Settings(), host, port)`, in this process or with several workers.

What takes long to import is imported when it is wanted: while one thread opens the network, another reads the code of the
HTTP service.
"""

import errno
import logging
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from firewarden.api.memory import limit_memory
from firewarden.api.settings import Settings, unknown_settings
from firewarden.errors import HazardError
from firewarden.model_name import model_named

if TYPE_CHECKING:
    from firewarden.api.ports import InspectorPort
    from firewarden.api.supervisor import Build

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_BACKLOG = 2048
_log = logging.getLogger(__name__)


def serve(settings: Settings, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Load model and rules, then answer until told to stop. Raises HazardError where either is unusable."""
    if settings.workers > 1:
        with _swept(settings):
            serve_workers(build_inspector, settings, host, port)
        return
    limit_memory()  # first: what is loaded next starts threads
    import firewarden.inference.pipeline
    import firewarden.inference.runtime_onnx  # the network then opens beside other imports, not between them

    with ThreadPoolExecutor(1) as beside:
        opening = beside.submit(_warm_inspector, settings)
        import firewarden.api.server  # noqa: F401 - the longest part of a start, and nothing in it waits for the network
    with _swept(settings):
        serve_inspector(opening.result(), settings, host, port)


def _warm_inspector(settings: Settings) -> "InspectorPort":
    inspector = build_inspector(settings)
    inspector.warm_up()
    return inspector


def _swept(settings: Settings) -> AbstractContextManager[None]:
    """Old inspections are deleted meanwhile, by this process alone, whatever the number of workers."""
    if not settings.keep_inspections_days:
        return nullcontext()
    from firewarden.jobs.inspection_retention import forget_old_inspections, swept
    from firewarden.ledger.blobs import BlobStore
    from firewarden.ledger.database import build_engine

    engine = build_engine(settings.resolved_database_url())
    blobs = BlobStore(settings.data_dir / "blobs")
    return swept(lambda: forget_old_inspections(engine, blobs, days=settings.keep_inspections_days))


def build_inspector(settings: Settings) -> "InspectorPort":
    """The inspector of one process, with the runtime that was measured to be the fastest here."""
    from firewarden.inference.pipeline import open_pipeline
    from firewarden.inference.tuned import stored_choice
    from firewarden.models.registry import find_manifest

    limit_memory()  # first: what is loaded next starts threads
    model = model_named(settings.model)
    choice = stored_choice(settings.data_dir, find_manifest(model), "serve")
    plan = settings.batch_plan(tuned=choice is not None)
    return open_pipeline(
        plan,
        model,
        settings.rules,
        runtime=replace(choice, streams=plan.streams) if choice else None,
        threads=settings.threads or (None if choice else 1),
        cache_dir=settings.data_dir / "runtime_cache",
        max_pixels=settings.max_pixels,
        solo_threads=settings.threads_of_solo(),
    )


def serve_inspector(inspector: "InspectorPort", settings: Settings, host: str, port: int) -> None:
    """Serve a given inspector in this process. The first start on an empty data folder prints the owner's key, once."""
    from firewarden.api.server import run_server

    run_server(inspector, settings, _listen(settings, host, port))


def serve_workers(build: "Build", settings: Settings, host: str, port: int) -> None:
    """Serve in `settings.workers` processes; each builds its own inspector. Ends the program with its exit code."""
    from firewarden.api.supervisor import Supervisor

    sys.exit(Supervisor(settings, _listen(settings, host, port), build).run())


def _listen(settings: Settings, host: str, port: int) -> socket.socket:
    """The address, open and announced; clients wait in its backlog until a process is ready for them."""
    settings.make_data_dir()
    for sentence in unknown_settings():
        _log.warning("%s", sentence)
    listener = _claimed(host, port)
    if settings.auth:
        _print_first_key(settings)  # once the address is ours: a start that fails must not use it up
    elif not _is_loopback(host):
        _log.warning("authentication is off and %s is open to others; set FIREWARDEN_AUTH=true", host)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    print(f"FireWarden listens on {address} (API: /docs, data: {settings.data_dir})", flush=True)
    return listener


def _claimed(host: str, port: int) -> socket.socket:
    """The listening socket; raises HazardError with a cure."""
    try:
        return open_listener(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            cure = "another program listens there; end it, or take another --port"
        elif error.errno == errno.EACCES:
            cure = "this user may not; take a --port above 1023"
        else:
            cure = f"{error.strerror}; take an address of this machine as --host"
        raise HazardError(f"cannot listen on {host}, port {port}: {cure}.") from error


def open_listener(host: str, port: int) -> socket.socket:
    """A listening TCP socket; raises OSError. The protocol is named because asyncio switches Nagle's algorithm off only for
    sockets that say they are TCP; with it, each answer of two writes waits 40 ms for the client's acknowledgement."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    if os.name == "posix":
        listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a restart need not wait for old connections
    listener.bind(address)
    listener.listen(_BACKLOG)
    return listener


def _print_first_key(settings: Settings) -> None:
    from firewarden.api.auth import create_first_key
    from firewarden.api.key_admin import open_database
    from firewarden.api.storage import Repository

    with open_database(settings, make=True) as engine:
        key = create_first_key(Repository(engine))
    if key is not None:
        print(f"API key of the owner, shown this once: {key}", flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    serve(Settings())
