"""The examples of the OpenAPI document: as their schemas say, and as the shipped rules and model would answer."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import FakeInspector

from firewarden.api.app import create_app
from firewarden.api.context import parse_context
from firewarden.api.examples import CONTEXT, INSPECTION
from firewarden.api.settings import Settings
from firewarden.detections import Detections
from firewarden.inference.detector import Sight
from firewarden.inference.image import Image
from firewarden.inference.inspector import Inspector
from firewarden.inference.quality import Quality
from firewarden.models.registry import find_manifest

Example = tuple[str, dict[str, Any], Any]  # where, schema, value


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> dict[str, Any]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    return create_app(FakeInspector(), settings).openapi()


def examples_of(node: Any, where: str = "") -> Iterator[Example]:
    """Every example of a document beside the schema it stands for."""
    if isinstance(node, list):
        for item in node:
            yield from examples_of(item, where)
    if not isinstance(node, dict):
        return
    if "schema" in node:
        given = [node["example"]] if "example" in node else []
        given += [named["value"] for named in node.get("examples", {}).values()]
        yield from ((where, node["schema"], value) for value in given)
    elif isinstance(node.get("examples"), list):  # of a schema itself
        yield from ((where, node, value) for value in node["examples"])
    for key, item in node.items():
        if key not in ("example", "value"):
            yield from examples_of(item, f"{where}/{key}")


def told(examples: list[Example], *keys: str) -> set[str]:
    """Every text under one of the keys, however deep."""

    def walk(value: Any, key: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for name, item in value.items():
                yield from walk(item, name)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item, key)
        elif key in keys and isinstance(value, str):
            yield value

    return {text for _, _, value in examples for text in walk(value)}


def test_every_example_fits_its_schema(document) -> None:
    examples = list(examples_of(document))
    assert len(examples) > 80
    for where, schema, value in examples:
        whole = {**schema, "components": document["components"]}
        wrong = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
        assert not wrong, f"{where}: {wrong}"


def test_nulls_stay_in_examples(document) -> None:
    answer = document["paths"]["/v1/inspections"]["post"]["responses"]["201"]["content"]["application/json"]
    assert answer["examples"]["one_photo"]["value"] == INSPECTION
    assert INSPECTION["findings"][0]["closing"]["supervised_by"] is None


def test_examples_name_what_the_shipped_rules_have(document, rules) -> None:
    examples = list(examples_of(document))
    rows = {row.id for each in rules.hazards.values() for row in (*each.base, *each.exclude, *each.raises)}
    assert {"EB-B3"} <= told(examples, "rule_ids") <= rows
    assert {"REL-EB"} <= told(examples, "relation_ids") <= {relation.id for relation in rules.relations}
    questions = {value["questions"][0]["id"] for _, _, value in examples if _is_inspection(value)}
    assert questions | told(examples, "questions") <= rules.questions.keys()
    assert told(examples, "scene") - {""} <= set(rules.scenes)
    assert told(examples, "venue_type") <= rules.venue_groups.keys()
    assert told(examples, "hazard") <= rules.hazards.keys()
    allowed = [error["allowed"] for _, _, value in examples for error in _field_errors(value)]
    assert allowed and all(set(names) <= set(rules.scenes) for names in allowed)


def _is_inspection(value: Any) -> bool:
    return isinstance(value, dict) and "findings" in value


def _field_errors(value: Any) -> list[dict[str, Any]]:
    return value.get("errors", []) if isinstance(value, dict) and value.get("status") == 422 else []


def test_the_example_is_what_the_rules_say_of_such_a_photo(rules) -> None:
    manifest = find_manifest(None)
    inspector = Inspector(SimpleNamespace(manifest=manifest), rules)
    (seen,) = INSPECTION["detections"]
    detections = Detections(
        np.array([seen["xyxy"]], np.float32),
        np.array([seen["confidence"]], np.float32),
        np.array([manifest.class_names.index(seen["class_name"])]),
    )
    sha256 = INSPECTION["image_sha256"]
    image = Image(np.zeros((64, 48, 3), np.uint8), tuple(INSPECTION["image_hw"]), sha256, "image/jpeg")
    sharp = Quality(900.0, 120.0, 0.0, 50.0, 3024, ())
    context = parse_context([(name, str(value)) for name, value in CONTEXT.items()], rules).inspection
    result = inspector.judge(image, Sight(detections, {}), context, quality=sharp, timings={}).to_json()
    changing = {"model_sha256", "rules_version", "timings_ms"}  # with each model, rule file and run
    assert {key: INSPECTION[key] for key in result if key not in changing} == {
        key: value for key, value in result.items() if key not in changing
    }
