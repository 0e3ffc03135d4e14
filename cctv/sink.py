"""Where changes of events go."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from firewarden.cctv.events import EventChange
from firewarden.errors import HazardError
from firewarden.findings import NOT_REVIEWED


class SinkUnavailable(HazardError):
    """A sink cannot take a change now (full disk, database away). Nothing of it was kept; the same change is offered
    again."""


class EventSink(Protocol):
    """Thread-safe; the changes of one camera come in order, one after the other."""

    def write(self, change: EventChange) -> None:
        """Keep one change for good before returning; raises SinkUnavailable."""
        ...


class JsonLinesSink:
    """A file with one line a change: kind, when it was written, the event. It holds no pictures. Appends."""

    def __init__(self, path: Path) -> None:
        """Raises SinkUnavailable for a path that cannot be written."""
        self._path = path
        self._lock = threading.Lock()
        with _told(self._path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def write(self, change: EventChange) -> None:
        row = {
            "kind": change.kind.value,
            "written_at": datetime.now(UTC).isoformat(),
            "event": change.event.to_json(),
            "notice": NOT_REVIEWED.to_json(),
        }
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        with self._lock, _told(self._path):
            append_line(self._path, line)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns OSError into SinkUnavailable with the path."""
    try:
        yield
    except OSError as error:
        raise SinkUnavailable(
            f"{path}: cannot be written ({error.strerror}); make room or mend it"
        ) from error


def append_line(path: Path, line: bytes) -> None:
    """Append a whole line or nothing: what a full disk took of it is cut off again."""
    with path.open("ab", buffering=0) as file:
        end = file.seek(0, 2)
        try:
            written = file.write(line)
            if written != len(line):
                raise OSError(28, "only a part of the line fits on the disk")
        except OSError:
            file.truncate(end)
            raise
