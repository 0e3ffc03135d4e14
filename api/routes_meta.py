"""What the service says about itself: rules, models, health, metrics."""

from typing import Any

from fastapi import APIRouter, Response, Security
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from firewarden import __version__
from firewarden.api.dependencies import ServicesDep, require_principal
from firewarden.api.openapi import problem_responses
from firewarden.api.problems import Problem
from firewarden.api.schemas import AliveOut, ModelOut, ModelsOut, ReadyOut, RulesOut, WelcomeOut
from firewarden.api.services import Services

router = APIRouter(tags=["about"])
_KEY_NEEDED: dict[str, Any] = {
    "dependencies": [Security(require_principal)],
    "responses": problem_responses(401),
}


@router.get("/", summary="What is this?")
async def get_welcome() -> WelcomeOut:
    """Who answers here, and where its addresses are described. Needs no key."""
    return WelcomeOut(
        service="FireWarden", version=__version__, docs="/docs", openapi="/openapi.json", ready="/readyz"
    )


@router.get("/v1/rules", summary="The rules in force", response_model=RulesOut, **_KEY_NEEDED)
def get_rules(services: ServicesDep) -> Response:
    """The rule file that grades findings: venue types, scenes, facts, hazards and who closes them."""
    return JSONResponse(services.inspector.rules.to_json())


@router.get("/v1/models", summary="The models in use", **_KEY_NEEDED)
def get_models(services: ServicesDep) -> ModelsOut:
    """Identity, classes, thresholds and measured quality of the loaded model."""
    manifest = services.inspector.detector.manifest
    return ModelsOut(models=[ModelOut(**{name: getattr(manifest, name) for name in ModelOut.model_fields})])


@router.get("/healthz", summary="Is the process alive?")
async def get_health() -> AliveOut:
    """Answers as long as the event loop turns; restart the process where it does not."""
    return AliveOut(status="alive")


@router.get("/readyz", summary="Can it take photos?", responses=problem_responses(503))
def get_readiness(services: ServicesDep) -> ReadyOut:
    """Model warm, database reachable, disk writable; 503 names what is not, or that the server is about to end."""
    if services.draining.is_set():
        raise Problem(503, "draining", "The server is about to end; send requests to another one.")
    checks = _check_all(services)
    if set(checks.values()) != {"ok"}:
        raise Problem(503, "not-ready", "A part does not work; see `checks`.", extra={"checks": checks})
    return ReadyOut(status="ready", checks=checks)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response, **_KEY_NEEDED)
def get_metrics(services: ServicesDep) -> Response:
    """Counts and durations since the start, of all workers together, in Prometheus text format."""
    return Response(services.metrics.render(), media_type=CONTENT_TYPE_LATEST)


def _check_all(services: Services) -> dict[str, str]:
    """What the service needs -> ok or failed. Reasons stay in the log."""
    checks = {
        "model": lambda: services.inspector.detector.manifest.id,
        "database": services.repository.check,
        "disk": services.blobs.check_writable,
    }
    return services.readiness.outcomes(checks)
