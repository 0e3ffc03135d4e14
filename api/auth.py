"""API keys: `fw_<key id>_<secret>`. The server keeps the id and a hash of the secret, never the secret.

A plain SHA-256 is enough here, unlike for passwords: the secret is 256 random bits, so there is no dictionary to try and
a slow hash would only slow down honest requests. The row is found by the key id, which is no secret; the secret itself
is compared in constant time, and an unknown id costs the same comparison as a wrong secret.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from firewarden.api.problems import Problem

_PREFIX = "fw"
_KEY_ID_BYTES = 6
_SECRET_BYTES = 32
_NO_HASH = "0" * 64


class Role(StrEnum):
    """What a key may see. An owner sees all inspections with positions; a worker sees its own, without positions."""

    OWNER = "owner"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the id of the key and its role."""

    key_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. `secret_sha256` is hex."""

    key_id: str
    secret_sha256: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None


class KeyStore(Protocol):
    """Where keys live."""

    def key(self, key_id: str) -> ApiKey | None: ...
    def has_keys(self) -> bool: ...
    def add_key(self, key: ApiKey) -> None: ...


LOCAL_OWNER = Principal("local", Role.OWNER)  # everyone, where authentication is switched off


def new_key(role: Role) -> tuple[str, ApiKey]:
    """A fresh key: the text to hand out once, and the row to store."""
    key_id, secret = secrets.token_hex(_KEY_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    return f"{_PREFIX}_{key_id}_{secret}", ApiKey(key_id, _hash(secret), role, datetime.now(UTC))


def create_first_key(store: KeyStore) -> str | None:
    """On an empty store, store an owner key and return its text, which is never shown again; else None."""
    if store.has_keys():
        return None
    text, key = new_key(Role.OWNER)
    store.add_key(key)
    return text


def authenticate(store: KeyStore, presented: str | None) -> Principal:
    """The principal behind a presented key; raises a 401 Problem that does not tell what was wrong with it."""
    key_id = key_id_of(presented)
    return principal_of(store.key(key_id) if key_id else None, presented)


def principal_of(key: ApiKey | None, presented: str | None) -> Principal:
    """The same, with the key of that id where there is one."""
    secret = (presented or "").partition("_")[2].partition("_")[2]
    matches = hmac.compare_digest(_hash(secret), key.secret_sha256 if key else _NO_HASH)
    if key is None or not matches or key.revoked_at is not None:
        raise Problem(
            401,
            "unauthorized",
            "Got no valid API key; expected `Authorization: Bearer fw_...` or `X-API-Key: fw_...`.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Principal(key.key_id, key.role)


def key_id_of(presented: str | None) -> str:
    """The public part of a presented key; empty where it has none."""
    prefix, _, rest = (presented or "").partition("_")
    return rest.partition("_")[0] if prefix == _PREFIX else ""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
