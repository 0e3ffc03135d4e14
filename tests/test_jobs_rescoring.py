"""`/v1/batches` of photos that were inspected before: which are taken, and what counts as said of them."""

# ruff: noqa: F811 - fixtures come from jobs_api_stage

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from jobs_api_stage import A, B, app, client, score_all, services  # noqa: F401
from test_api_fakes import check_problem
from test_jobs_intake import sha

from firewarden.api.auth import Role, new_key
from firewarden.api.schemas_jobs import BatchOut
from firewarden.bulk.items import HeldReader, Item
from firewarden.findings import InspectionContext, Source
from firewarden.jobs.claims import ClaimStore


def inspected(client, data: bytes, **params) -> str:
    answer = client.post(
        "/v1/inspections", content=data, params=params, headers={"Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 201
    return answer.json()["id"]


def test_photos_that_were_inspected_are_scored_again(client, services) -> None:
    score_all(services)  # what other tests left open
    first = inspected(
        client, A, venue_type="office", scene="stairwell", captured_at="2026-05-01T08:00:00+08:00"
    )
    second = inspected(client, B)
    body = {"inspection_ids": [first, "0" * 32, second, first], "min_confidence": 0.3}
    key = {"Idempotency-Key": "again-1"}
    answer = client.post("/v1/batches", json=body, headers=key)
    assert answer.status_code == 202
    batch = BatchOut.model_validate(answer.json())
    assert (batch.kind, batch.items, batch.progress.open, batch.progress.failed) == ("photos", 3, 2, 1)
    assert [(e.number, e.path, e.error) for e in batch.errors] == [
        (2, "0" * 32, "there is no inspection of this id for this key")
    ]
    again = client.post("/v1/batches", json=body, headers=key)
    assert again.json()["id"] == batch.id and again.headers["idempotency-replayed"] == "true"
    claim = ClaimStore(services.repository._engine).claim(9)
    assert claim.context.min_confidence == 0.3
    assert [(i.path, i.sha256) for i in claim.items] == [(first, sha(A)), (second, sha(B))]
    facts = claim.items[0].facts
    assert (facts.venue, facts.scene, facts.time) == ("office", "stairwell", "2026-05-01T00:00:00+00:00")
    said = Item(first, HeldReader(A), facts).context(InspectionContext())
    assert (said.scene, said.scene_source) == ("stairwell", Source.PERSON)
    assert claim.items[1].facts.scene is None
    ClaimStore(services.repository._engine).release(claim)
    score_all(services)
    rows = [json.loads(line) for line in client.get(batch.links.results).text.splitlines()]
    assert [row["path"] for row in rows] == [first, "0" * 32, second]


def test_what_is_said_of_a_batch_goes_before_what_was_said_of_each_photo(client, services) -> None:
    score_all(services)
    one = inspected(client, A, venue_type="office", scene="stairwell")
    client.post(
        "/v1/batches", json={"inspection_ids": [one], "venue_type": "mall", "scene": "evacuation_corridor"}
    )
    claim = ClaimStore(services.repository._engine).claim(9)
    assert (claim.context.inspection.venue_type, claim.context.inspection.scene) == (
        "mall",
        "evacuation_corridor",
    )
    assert (claim.items[0].facts.venue, claim.items[0].facts.scene) == (None, None)
    ClaimStore(services.repository._engine).release(claim)
    score_all(services)


def test_an_empty_text_says_nothing_of_a_photo(client, services) -> None:
    score_all(services)
    one = inspected(client, A, venue_type="office", scene="stairwell")
    client.post("/v1/batches", json={"inspection_ids": [one], "venue_type": "", "scene": " "})
    claim = ClaimStore(services.repository._engine).claim(9)
    assert (claim.items[0].facts.venue, claim.items[0].facts.scene) == ("office", "stairwell")
    ClaimStore(services.repository._engine).release(claim)
    score_all(services)


def test_inspections_of_others_and_wrong_lists_are_refused(client, services) -> None:
    hidden = inspected(client, A)
    text, key = new_key(Role.WORKER)
    services.repository.add_key(key)
    other = client.post(
        "/v1/batches", json={"inspection_ids": [hidden]}, headers={"Authorization": f"Bearer {text}"}
    )
    assert other.json()["progress"]["failed"] == 1 and other.json()["state"] == "finished"
    for body in (
        {"inspection_ids": []},
        {"inspection_ids": "all"},
        {"inspection_ids": [hidden], "scene": "moon"},
    ):
        check_problem(client.post("/v1/batches", json=body), 422)
    many = [f"{number:032x}" for number in range(21)]  # max_batch_items is 20
    check_problem(client.post("/v1/batches", json={"inspection_ids": many}), 413, "too-many-items")
