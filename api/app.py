"""The HTTP application: routes, errors and metrics around one inspector."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool

from firewarden import __version__
from firewarden.api.memory import return_memory
from firewarden.api.metrics import CountRequests, Metrics
from firewarden.api.openapi import DESCRIPTION, with_nulls
from firewarden.api.ports import InspectorPort
from firewarden.api.problems import add_problem_handlers
from firewarden.api.routes_cameras import router as cameras_router
from firewarden.api.routes_events import router as events_router
from firewarden.api.routes_inspections import router as inspections_router
from firewarden.api.routes_jobs import router as jobs_router
from firewarden.api.routes_meta import router as meta_router
from firewarden.api.services import build_services
from firewarden.api.settings import Settings
from firewarden.api.upload_door import UploadDoor

_MEASURE_S = 5.0


def create_app(inspector: InspectorPort, settings: Settings) -> FastAPI:
    """An app that holds its own parts. Files, database and threads are opened and closed by its lifespan."""
    services = build_services(inspector, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(services.open)
        measuring = asyncio.create_task(_measure(services.metrics))
        yield
        measuring.cancel()
        await run_in_threadpool(services.close)

    app = FastAPIOffline(  # its pages come from the package, not from a CDN: counties are often offline
        title="FireWarden 消防隐患巡检",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        lifespan=lifespan,
        redoc_url=None,
    )
    make_document = app.openapi
    app.openapi = cache(lambda: with_nulls(make_document()))  # type: ignore[method-assign]
    app.state.services = services
    app.add_middleware(UploadDoor, services=services)
    app.add_middleware(CountRequests, metrics=services.metrics)  # outermost: it counts the door's too
    add_problem_handlers(app)
    app.include_router(inspections_router)
    app.include_router(jobs_router)
    app.include_router(cameras_router)
    app.include_router(events_router)
    app.include_router(meta_router)
    return app


async def _measure(metrics: Metrics) -> None:
    """Keep the measures that nobody reports fresh: other workers show them too. And keep memory to what is used."""
    while True:
        await run_in_threadpool(return_memory)
        metrics.refresh()
        await asyncio.sleep(_MEASURE_S)
