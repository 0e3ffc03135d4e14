"""Parts that the API tests share: an inspector that decodes and knows the real rules, but whose verdict is written here.

Run as a program (`python -P tests/test_api_fakes.py DATA_DIR PORT [DELAY_S STREAMS]`) it is a server for tests that end,
flood or leave one.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image as PillowImage
from starlette.testclient import TestClient

from firewarden.api.app import create_app
from firewarden.api.auth import create_first_key
from firewarden.api.examples import INSPECTION, INSPECTION_LIST
from firewarden.api.schemas import InspectionListOut, InspectionOut
from firewarden.api.serve import serve_inspector
from firewarden.api.settings import Settings
from firewarden.detections import Detections
from firewarden.findings import (
    Assessment,
    ClosingDuty,
    Finding,
    InspectionContext,
    Outcome,
    Question,
    RiskLevel,
    Routing,
    SceneEstimate,
    Source,
    Text,
    Verdict,
    Zone,
)
from firewarden.inference.batcher import Abandoned
from firewarden.inference.image import decode_image
from firewarden.inference.rules_file import load_rules
from firewarden.inspection import InspectionResult

MANIFEST = SimpleNamespace(
    id="fake-n",
    folder=Path("/secret/models/fake-n"),
    sha256="ab" * 32,
    class_names=("person", "ebike"),
    input_size=640,
    operating_points={"ebike": 0.4},
    default_operating_point=0.25,
    licence="AGPL-3.0-or-later",
    dataset_sha256="cd" * 32,
    git_sha="0123abc",
    metrics={"map50": 0.5},
)


packaged_rules = cache(load_rules)


class FakeInspector:
    """Decodes for real, then answers one e-bike in the stairwell. `before` runs in the worker thread first."""

    def __init__(self, before: Callable[[], object] = lambda: None, *, streams: int = 2) -> None:
        self.photos_at_once = self.runs_at_once = streams
        self.on_run = lambda size, waited_s: None
        self.rules = packaged_rules()
        self.detector = SimpleNamespace(manifest=MANIFEST)
        self.inspected = 0
        self._before = before

    def inspect(
        self, data: bytes, context: InspectionContext, *, sha256, on_decoded, cancelled
    ) -> InspectionResult:
        self._before()
        image = decode_image(data, max_pixels=1_000_000, sha256=sha256)
        on_decoded()
        if cancelled():
            raise Abandoned
        self.on_run(1, 0.0)
        self.inspected += 1
        return make_result(image.sha256, image.original_hw, context, self.rules.version)

    def listen(self, on_run) -> None:
        self.on_run = on_run

    def warm_up(self) -> float:
        return 0.01

    def close(self) -> None:
        pass


def make_result(
    sha256: str, image_hw: tuple[int, int], context: InspectionContext, rules_version: str = "1"
) -> InspectionResult:
    """One e-bike of 88 % that is a general hazard, with every optional part filled."""
    finding = Finding(
        hazard="indoor_ebike",
        outcome=Outcome.HAZARD,
        xyxy=(10, 20, 40, 60),
        confidence=0.88,
        reason=Text("楼梯间内停放电动自行车", "an e-bike in the stairwell"),
        evidence=(0,),
        facts=context.facts,
        ratios={"obstructed": 0.35},
        zones=(Zone("egress", ((0, 0), (50, 0), (50, 80))),),
        questions=("charging",),
        relation_ids=("EB-1",),
    )
    assessment = Assessment(
        outcome=Outcome.HAZARD,
        risk_level_initial=RiskLevel.GENERAL,
        risk_level_residual=RiskLevel.GENERAL,
        rule_ids=("EB-B3",),
        routing=Routing.DRAFT_ORDER,
        closing=ClosingDuty(context.closure_profile, "township", 15),
        reason=finding.reason,
    )
    return InspectionResult(
        image_sha256=sha256,
        image_hw=image_hw,
        detections=Detections(np.array([[10, 20, 40, 60]], np.float32), np.array([0.88]), np.array([1])),
        class_names=MANIFEST.class_names,
        scene=SceneEstimate(context.scene or "unknown", Source.PERSON, 1.0, False, Text("填报", "named")),
        context=context,
        findings=(finding,),
        assessments=(assessment,),
        questions=(Question("charging", Text("正在充电吗？", "Charging?"), "charging_active"),),
        verdict=Verdict.HAZARD,
        notice=Text("须经人工确认", "a person must confirm"),
        model_id=MANIFEST.id,
        model_sha256=MANIFEST.sha256,
        rules_version=rules_version,
        timings_ms={"decode": 2.0, "inference": 3.0, "rules": 1.0, "total": 6.0},
    )


def photo(colour: int = 90, kind: str = "JPEG", wh: tuple[int, int] = (128, 96)) -> bytes:
    """Bytes of a small plain picture; another `colour` makes another file."""
    file = io.BytesIO()
    PillowImage.new("RGB", wh, (colour, 120, 60)).save(file, kind)
    return file.getvalue()


@contextmanager
def open_client(tmp_path: Path, inspector: FakeInspector | None = None, **settings: object):
    """A started app with an owner key: yields (client, services). Server errors are answers, not exceptions."""
    values = {"data_dir": tmp_path / "data", **settings}
    app = create_app(inspector or FakeInspector(), Settings(**values))
    with TestClient(app, raise_server_exceptions=False) as client:
        services = app.state.services
        client.headers["Authorization"] = f"Bearer {create_first_key(services.repository)}"
        yield client, services


def check_problem(answer, status: int, slug: str | None = None) -> dict:
    """The document of a problem answer, once it is one in all its parts."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= document.keys()
    assert document["status"] == status
    assert slug is None or document["type"] == f"urn:firewarden:problem:{slug}"
    return document


def test_wire_models_hold_every_key_of_a_result_and_no_other() -> None:
    result = make_result("ef" * 32, (96, 128), InspectionContext(scene="stairwell")).to_json()
    shell = {key: INSPECTION[key] for key in INSPECTION if key not in result}
    wire = {**shell, **result}
    assert json.loads(InspectionOut.model_validate(wire).model_dump_json())["findings"] == wire["findings"]
    assert InspectionOut.model_fields.keys() == wire.keys()


def test_openapi_examples_fit_the_wire_models() -> None:
    InspectionOut.model_validate(INSPECTION)
    InspectionListOut.model_validate(INSPECTION_LIST)


if __name__ == "__main__":
    delay_s, streams = (float(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 3 else (0.0, 2)
    slow = FakeInspector(before=lambda: time.sleep(delay_s), streams=streams)
    serve_inspector(slow, Settings(data_dir=Path(sys.argv[1])), "127.0.0.1", int(sys.argv[2]))
