"""API keys: made once, kept as a hash, asked for everywhere but at the health checks."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import check_problem, open_client

from firewarden.api.auth import ApiKey, Principal, Role, authenticate, create_first_key, new_key
from firewarden.api.problems import Problem
from firewarden.api.settings import Settings


class MemoryStore:
    """Keys in a dict."""

    def __init__(self, *keys: ApiKey) -> None:
        self.keys = {key.key_id: key for key in keys}

    def key(self, key_id: str) -> ApiKey | None:
        return self.keys.get(key_id)

    def has_keys(self) -> bool:
        return bool(self.keys)

    def add_key(self, key: ApiKey) -> None:
        self.keys[key.key_id] = key


def test_a_new_key_opens_and_its_secret_is_not_kept() -> None:
    text, key = new_key(Role.WORKER)
    prefix, key_id, secret = text.split("_", 2)
    assert (prefix, key_id) == ("fw", key.key_id)
    assert len(secret) == 43  # 32 random bytes in base64
    assert secret not in repr(key)
    assert authenticate(MemoryStore(key), text) == Principal(key_id, Role.WORKER)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: None, id="no key"),
        pytest.param(lambda text: "", id="empty key"),
        pytest.param(lambda text: text[:-1], id="cut off"),
        pytest.param(lambda text: text + "x", id="too long"),
        pytest.param(lambda text: text.upper(), id="other case"),
        pytest.param(lambda text: "fw_000000000000_" + text.split("_", 2)[2], id="secret of another key"),
        pytest.param(lambda text: "_".join(text.split("_", 2)[:2]), id="id alone"),
        pytest.param(lambda text: "xx" + text[2:], id="other prefix"),
        pytest.param(lambda text: "fw_" + "é" * 50, id="not ascii"),
    ],
)
def test_a_damaged_key_is_refused(damage) -> None:
    text, key = new_key(Role.OWNER)
    with pytest.raises(Problem) as caught:
        authenticate(MemoryStore(key), damage(text))
    assert (caught.value.status, caught.value.headers) == (401, {"WWW-Authenticate": "Bearer"})


def test_a_revoked_key_is_refused() -> None:
    text, key = new_key(Role.OWNER)
    with pytest.raises(Problem):
        authenticate(MemoryStore(replace(key, revoked_at=datetime.now(UTC))), text)


def test_the_first_key_is_made_once_and_owns() -> None:
    store = MemoryStore()
    text = create_first_key(store)
    assert authenticate(store, text).role is Role.OWNER
    assert create_first_key(store) is None


OPEN = {"/", "/healthz", "/readyz", "/openapi.json", "/docs", "/docs/oauth2-redirect"}


def test_every_route_but_the_open_ones_asks_for_a_key(tmp_path) -> None:
    with open_client(tmp_path) as (client, _):
        paths = client.get("/openapi.json").json()["paths"]
        del client.headers["Authorization"]
        routes = [(path, method.upper()) for path, methods in paths.items() for method in methods]
        assert len(routes) == 26
        for path, method in routes:
            answer = client.request(method, path.replace("{inspection_id}", "0" * 32))
            if path in OPEN:
                assert answer.status_code == 200
            else:
                check_problem(answer, 401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("host", ["localhost", "x/healthz", "healthz", "x?/healthz"])
def test_a_forged_host_opens_nothing(tmp_path, host) -> None:
    with open_client(tmp_path) as (client, _):
        check_problem(client.get("/v1/rules", headers={"Host": host, "Authorization": ""}), 401)


def test_both_headers_are_taken(tmp_path) -> None:
    with open_client(tmp_path) as (client, _):
        key = client.headers.pop("Authorization").removeprefix("Bearer ")
        assert client.get("/v1/rules", headers={"X-API-Key": key}).status_code == 200
        assert client.get("/v1/rules", headers={"Authorization": f"bearer {key}"}).status_code == 200
        check_problem(client.get("/v1/rules", headers={"Authorization": f"Basic {key}"}), 401)


def test_authentication_is_on_unless_switched_off(tmp_path, monkeypatch) -> None:
    assert Settings(data_dir=tmp_path).auth is True
    monkeypatch.setenv("FIREWARDEN_AUTH", "false")
    with open_client(tmp_path) as (client, _):
        del client.headers["Authorization"]
        assert client.get("/v1/rules").status_code == 200
