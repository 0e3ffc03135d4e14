"""What the tests of batches over HTTP share: a service, two photos, and a stand-in for its workers."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import open_client, photo

from firewarden.jobs.claims import ClaimStore, Outcome

A, B = photo(10), photo(20)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with open_client(tmp_path_factory.mktemp("api"), max_batch_files=5, max_batch_items=20) as opened:
        yield opened


@pytest.fixture
def client(app):
    return app[0]


@pytest.fixture
def services(app):
    return app[1]


def score_all(services) -> None:
    """What a worker does, with a verdict written here."""
    claims = ClaimStore(services.repository._engine)
    while claim := claims.claim(9):
        rows = [
            {
                "path": item.path,
                "verdict": "hazard",
                "risk_level": "general",
                "batch": {"id": "1", **columns(item)},
            }
            for item in claim.items
        ]
        claims.finish(claim, [Outcome(*pair) for pair in zip(claim.items, rows, strict=True)])


def columns(item) -> dict:
    return {"sha256": item.sha256, "camera": item.facts.camera, "time": item.facts.time}


def photos(*contents: bytes) -> list:
    return [("photo", (f"{number}.jpg", data)) for number, data in enumerate(contents, 1)]
