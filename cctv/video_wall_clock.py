"""The wall clock of one opened container: when its pictures were taken."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from firewarden.cctv.video_clock import file_start, from_micros, produced_at, settle
from firewarden.cctv.video_source import Source


def length_s(container: Any) -> float:
    """How long a recording says it lasts; 0 where it does not. Matroska tells where it ends instead."""
    before_s = begins_s(container) if "matroska" in container.format.name else 0.0
    return max(0.0, (container.duration or 0) / 1e6 - before_s)


def begins_s(container: Any) -> float:
    """The first time of a container, by its own clock."""
    return (container.start_time or 0) / 1e6


class WallClock:
    """Times of pictures: those a stream tells where they can be believed, else of receipt; of a file its own."""

    def __init__(self, source: Source, container: Any) -> None:
        self._source, self._container = source, container
        self._lag = timedelta(0)  # of a stream's own clock behind receipt, when it was believed last
        self._file_start = self._read_file_start()

    def taken_at(self, packet: Any, media_s: float) -> tuple[datetime, bool]:
        """When the picture of a packet was taken, and whether the stream's own clock had to be left aside. `media_s` is the
        place in the file, or of the packet in the stream."""
        if not self._source.is_live:
            return self._file_start + timedelta(seconds=media_s), False
        now = datetime.now(UTC)
        at, off = settle(self._told_at(packet, media_s), now, self._lag)
        self._lag = now - at
        return at, off

    def _told_at(self, packet: Any, media_s: float) -> datetime | None:
        """The wall clock that a stream gives along, as RTSP does from its first sender report on."""
        if not self._source.is_stream:
            return None
        if packet.has_sidedata("prft"):
            return produced_at(bytes(packet.get_sidedata("prft")))
        start = self._container.start_time_realtime
        if start is None or packet.pts is None:
            return None
        return from_micros(start + round(media_s * 1e6))

    def _read_file_start(self) -> datetime:
        if self._source.is_stream:
            return datetime.now(UTC)
        path = Path(self._source.address.url.removeprefix("file:"))
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return file_start(self._container.metadata, modified, length_s(self._container))
