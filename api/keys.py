"""API keys kept in memory for a few seconds: one look into the database serves many requests."""

import time
from collections.abc import Callable

from firewarden.api.auth import ApiKey, KeyStore

_MAX_KEYS = 4096


class KeyCache:
    """Known keys, for at most `ttl_s` after they were read: a revoked key opens for that long. Unknown ids are asked for
    every time, so that guessing fills nothing."""

    def __init__(self, store: KeyStore, *, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: dict[str, tuple[float, ApiKey]] = {}

    def cached(self, key_id: str) -> ApiKey | None:
        """The key if it is in memory and fresh; asks nobody."""
        until_s, key = self._known.get(key_id, (0.0, None))
        return key if key is not None and self._clock() < until_s else None

    def key(self, key_id: str) -> ApiKey | None:
        """The key, from memory or from the store."""
        if (key := self.cached(key_id)) is not None:
            return key
        key = self._store.key(key_id)
        if key is not None:
            if len(self._known) >= _MAX_KEYS:
                self._known.clear()
            self._known[key_id] = (self._clock() + self._ttl_s, key)
        return key

    def has_keys(self) -> bool:
        return self._store.has_keys()

    def add_key(self, key: ApiKey) -> None:
        self._store.add_key(key)
