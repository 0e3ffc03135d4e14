"""What is followed at each camera, kept in a folder over a restart."""

import json
import logging
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from firewarden.cctv.confirm import Confirming
from firewarden.cctv.event_store import Dismissal
from firewarden.cctv.memory import confirming_from_json, confirming_to_json

_log = logging.getLogger(__name__)


class StateFolder:
    """One JSON file a camera."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def load(self, camera_id: str) -> Confirming | None:
        """What was kept; None where there is nothing, or nothing that can be read, which is logged."""
        path = self._path(camera_id)
        try:
            return confirming_from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("%s cannot be used (%s); the camera starts without memory", path, error)
            return None

    def save(self, camera_id: str, state: Confirming) -> bool:
        """Replace the file as a whole; a full disk leaves the old one and is logged."""
        path = self._path(camera_id)
        fresh = path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(confirming_to_json(state), ensure_ascii=False), encoding="utf-8")
            os.replace(fresh, path)  # noqa: PTH105 - the name says that it overwrites
        except OSError as error:
            _log.warning("%s cannot be written (%s); the memory of a restart is older", path, error.strerror)
            fresh.unlink(missing_ok=True)
        return True  # a file that is smaller may still fit

    def dismissals(self, camera_ids: Collection[str]) -> Iterable[Dismissal]:
        """None: nobody can say so without the database."""
        return ()

    def _path(self, camera_id: str) -> Path:
        return self._folder / f"{camera_id}.json"  # ids hold no separators
