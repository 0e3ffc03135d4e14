"""Whether the parts of the service work, told in the log once for each change: probes ask every few seconds."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Readiness:
    """What failed when it was last looked at."""

    _failed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def outcomes(self, checks: Mapping[str, Callable[[], object]]) -> dict[str, str]:
        """Each check by its name -> ok or failed; reasons go to the log alone."""
        return {name: self._outcome(name, check) for name, check in checks.items()}

    def _outcome(self, name: str, check: Callable[[], object]) -> str:
        try:
            check()
        except (OSError, SQLAlchemyError) as error:
            if self._changed(name, failed=True):
                _log.error("not ready: %s failed: %s", name, getattr(error, "orig", None) or error)
            return "failed"
        if self._changed(name, failed=False):
            _log.warning("%s works again", name)
        return "ok"

    def _changed(self, name: str, *, failed: bool) -> bool:
        with self._lock:
            if (name in self._failed) == failed:
                return False
            self._failed.symmetric_difference_update({name})
            return True
