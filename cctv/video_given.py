"""Pictures that an HLS address gave before. A playlist whose encoder has died gives its last segment to whoever connects anew:
that is no new picture, and not the camera's present."""

from collections import deque
from typing import Any

_MARKS = 512  # key frames: more than playlists hold
_Mark = tuple[int | None, int]  # time of a key frame, and a hash of its bytes


class Given:
    """Key frames of one address over its connections. A picture goes by the key frame before it."""

    def __init__(self) -> None:
        self._before: frozenset[_Mark] = frozenset()
        self._marks: deque[_Mark] = deque(maxlen=_MARKS)
        self._is_old = False

    def connect(self) -> None:
        """A connection begins: what was given until now is known."""
        self._before, self._is_old = frozenset(self._marks), False

    def is_old(self, packet: Any) -> bool:
        """Whether the picture of a packet, the next in order, was given by an earlier connection."""
        if packet.is_keyframe:
            mark = packet.pts, hash(bytes(packet))
            self._is_old = mark in self._before
            self._marks.append(mark)
        return self._is_old
