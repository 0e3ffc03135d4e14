"""Rules, models, health, metrics and the OpenAPI document."""

import json
import re
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import InternalError, OperationalError

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import MANIFEST, check_problem, open_client, photo

from firewarden.api.pool import too_late
from firewarden.api.problems import Problem
from firewarden.api.schemas import ContextIn
from firewarden.errors import HazardError


@pytest.fixture
def opened(tmp_path):
    with open_client(tmp_path) as opened:
        yield opened


def test_rules_are_told_as_they_were_read(opened, rules) -> None:
    document = opened[0].get("/v1/rules").json()
    assert document["version"] == rules.version
    assert document["scenes"] == list(rules.scenes)
    assert document["hazards"].keys() == rules.hazards.keys()


def test_the_bare_address_says_where_to_begin_and_asks_for_no_key(opened) -> None:
    client, _ = opened
    document = client.get("/", headers={"Authorization": "Bearer none"}).json()
    assert document["service"] == "FireWarden"
    for where in ("docs", "openapi", "ready"):
        assert client.get(document[where]).status_code == 200
    check_problem(client.post("/"), 405)


def test_models_tell_identity_and_quality_but_no_path(opened) -> None:
    answer = opened[0].get("/v1/models")
    (model,) = answer.json()["models"]
    assert (model["id"], model["sha256"], model["metrics"]) == ("fake-n", MANIFEST.sha256, {"map50": 0.5})
    assert "secret" not in answer.text


def test_ready_names_what_does_not_work(opened) -> None:
    client, services = opened
    assert client.get("/readyz").json() == {
        "status": "ready",
        "checks": {"model": "ok", "database": "ok", "disk": "ok"},
    }
    (services.blobs.root / "pending").rmdir()
    document = check_problem(client.get("/readyz"), 503, "not-ready")
    assert document["checks"] == {"model": "ok", "database": "ok", "disk": "failed"}
    assert client.get("/healthz").json() == {"status": "alive"}


def test_a_lost_database_is_noticed(tmp_path) -> None:
    with open_client(tmp_path) as (client, services):
        services.repository.close()
        database = tmp_path / "data" / "firewarden.db"
        for path in database.parent.glob("firewarden.db*"):
            path.unlink()
        database.mkdir()
        assert check_problem(client.get("/readyz"), 503)["checks"]["database"] == "failed"
        check_problem(client.get("/v1/rules"), 503, "storage-unavailable")


def test_readiness_is_logged_once_a_change_and_without_traceback(opened, caplog) -> None:
    client, services = opened
    pending = services.blobs.root / "pending"
    pending.rmdir()
    assert [client.get("/readyz").status_code for _ in range(3)] == [503] * 3
    pending.mkdir()
    assert [client.get("/readyz").status_code for _ in range(3)] == [200] * 3
    told = [(record.levelname, record.getMessage(), record.exc_info) for record in caplog.records]
    assert [level for level, _, _ in told] == ["ERROR", "WARNING"]
    assert "disk failed" in told[0][1] and "disk works again" in told[1][1]
    assert not any(trace for _, _, trace in told)


@pytest.mark.parametrize(
    ("error", "level", "traced"),
    [
        (too_late(1), "INFO", False),
        (Problem(503, "storage-unavailable", "The disk is full."), "ERROR", False),
        (HazardError("rules.yaml is damaged"), "ERROR", False),
        (OperationalError("SELECT 1", {}, RuntimeError("no such host")), "ERROR", False),
        (InternalError("INSERT", {}, RuntimeError("a read-only transaction")), "ERROR", False),
        (KeyError("a fault of ours"), "ERROR", True),
    ],
)
def test_only_the_unforeseen_is_logged_with_a_traceback(
    opened, caplog, monkeypatch, error, level, traced
) -> None:
    def fail() -> None:
        raise error

    client, services = opened
    caplog.set_level("INFO", logger="firewarden.api.problems")
    monkeypatch.setattr(services.metrics, "render", fail)
    document = check_problem(
        client.get("/metrics"), 500 if isinstance(error, HazardError | KeyError) else 503
    )
    (record,) = [record for record in caplog.records if record.name == "firewarden.api.problems"]
    assert (record.levelname, bool(record.exc_info)) == (level, traced)
    assert document["instance"] in record.getMessage() and "[SQL" not in record.getMessage()


def _metric(text: str, line: str) -> float:
    match = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    assert match, f"{line} is not in\n{text}"
    return float(match.group(1))


def test_metrics_count_requests_by_template_stages_and_hazards(opened) -> None:
    client, _ = opened
    for colour in (1, 2):
        address = client.post(
            "/v1/inspections", content=photo(colour), headers={"content-type": "image/jpeg"}
        ).headers["location"]
    client.get(address)
    client.get("/v1/inspections/unknown")
    client.get("/a/b/c")
    client.request("BREW", "/healthz")
    text = client.get("/metrics").text
    route = 'route="/v1/inspections/{inspection_id}"'
    assert _metric(text, 'firewarden_requests_total{method="POST",route="/v1/inspections",status="201"}') == 2
    assert _metric(text, f'firewarden_requests_total{{method="GET",{route},status="200"}}') == 1
    assert _metric(text, f'firewarden_requests_total{{method="GET",{route},status="404"}}') == 1
    assert _metric(text, 'firewarden_requests_total{method="GET",route="unmatched",status="404"}') == 1
    assert _metric(text, 'firewarden_requests_total{method="OTHER",route="/healthz",status="405"}') == 1
    assert _metric(text, 'firewarden_findings_total{hazard="indoor_ebike",outcome="hazard"}') == 2
    assert _metric(text, 'firewarden_stage_seconds_sum{stage="decode"}') == pytest.approx(0.004)  # 2 x 2 ms
    assert _metric(text, 'firewarden_stage_seconds_count{stage="store"}') == 2
    assert _metric(text, "firewarden_in_flight") == _metric(text, "firewarden_queue_depth") == 0
    assert "/a/b/c" not in text


def test_two_apps_count_apart(tmp_path) -> None:
    with open_client(tmp_path / "a") as (a, _), open_client(tmp_path / "b") as (b, _):
        a.get("/v1/models")
        assert "/v1/models" not in b.get("/metrics").text
        assert "/v1/models" in a.get("/metrics").text


def test_openapi_tells_both_bodies_the_context_the_keys_and_problems(opened) -> None:
    document = opened[0].get("/openapi.json").json()
    assert document["info"]["title"] == "FireWarden 消防隐患巡检"
    post = document["paths"]["/v1/inspections"]["post"]
    bodies = post["requestBody"]["content"]
    assert bodies.keys() == {"image/jpeg", "image/png", "image/webp", "multipart/form-data"}
    form = bodies["multipart/form-data"]["schema"]["properties"]
    assert form.keys() == {"photo"} | ContextIn.model_fields.keys()
    queries = {parameter["name"] for parameter in post["parameters"] if parameter["in"] == "query"}
    assert queries == ContextIn.model_fields.keys()
    assert "idempotency-key" in {p["name"].lower() for p in post["parameters"] if p["in"] == "header"}
    assert post["responses"].keys() == {"201", "400", "401", "408", "413", "415", "422", "429", "503"}
    assert post["security"] == [{"bearer": []}, {"apiKey": []}]
    examples = post["responses"]["201"]["content"]["application/json"]["examples"]
    assert examples["one_photo"]["value"]["findings"][0]["hazard"] == "indoor_ebike"


def test_every_error_in_openapi_is_a_problem_and_every_reference_leads_somewhere(opened) -> None:
    document = opened[0].get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods.values():
            for status, answer in method["responses"].items():
                if status >= "400":
                    assert answer["content"].keys() == {"application/problem+json"}, (path, status)
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= document["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1", 404),
        ("DELETE", "/v1/inspections", 405),
        ("POST", "/healthz", 405),
    ],
)
def test_wrong_addresses_and_methods_are_problems(opened, method, path, status) -> None:
    answer = opened[0].request(method, path)
    check_problem(answer, status)
    assert ("allow" in answer.headers) == (status == 405)


def test_documentation_pages_need_no_other_host(opened) -> None:
    client = opened[0]
    page = client.get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources and all(source.startswith("/") and not source.startswith("//") for source in sources)
    assert [client.get(source).status_code for source in sources] == [200] * len(sources)
