"""Packets of one picture put together. Servers that send parameter sets before every slice of a key frame, as GStreamer's
may, have the library take each slice for a picture of its own. Pure but for the packets."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import av

_MOST_PIECES = 128  # a stream made up by someone must not fill the memory
_START = b"\0\0\1"
_BEGINS = 0x80  # first bit of a slice header: it is the first slice of its picture


@dataclass(frozen=True, slots=True)
class Coding:
    """How packets of H.264 (else H.265) are laid out: units with `length_bytes` before each, or with start codes (0)."""

    is_h264: bool
    length_bytes: int

    def begins(self, data: bytes) -> bool | None:
        """Whether the first slice in a packet is the first one of its picture; None where there is no slice."""
        header = 1 if self.is_h264 else 2
        for at in self._units(data):
            if at + header < len(data) and self._is_slice(data[at]):
                return bool(data[at + header] & _BEGINS)
        return None

    def _is_slice(self, first: int) -> bool:
        return first & 31 in (1, 2, 5) if self.is_h264 else first >> 1 & 63 < 32

    def _units(self, data: bytes) -> Iterator[int]:
        """Where each unit begins, past its length or start code."""
        if self.length_bytes:
            at = self.length_bytes
            while at < len(data):
                yield at
                at += int.from_bytes(data[at - self.length_bytes : at]) + self.length_bytes
            return
        at = data.find(_START)
        while at >= 0:
            yield at + len(_START)
            at = data.find(_START, at + len(_START))


def coding_of(codec: str, extradata: bytes | None) -> Coding | None:
    """By the name of the codec and what the container says of it (avcC or hvcC box, else start codes); None for others."""
    if codec not in ("h264", "hevc"):
        return None
    place = 4 if codec == "h264" else 21
    boxed = extradata is not None and len(extradata) > place and extradata[0] == 1
    return Coding(codec == "h264", (extradata[place] & 3) + 1 if boxed and extradata else 0)


def whole_pictures(
    packets: Iterable[Any], coding: Coding | None, note_late: Callable[[], None]
) -> Iterator[Any]:
    """The packets, those of one picture joined; empty ones as they are. A picture is handed on as soon as it has as many
    packets as the one before, else when the next one begins: only at the start, and after a change, does one wait.
    `note_late` is called for each packet whose picture was handed on without it."""
    if coding is None:
        yield from packets
        return
    assembly = _Assembly(coding, note_late)
    for packet in packets:
        if not packet.size:
            yield from assembly.finish()
            yield packet
        else:
            yield from assembly.add(packet)


class _Assembly:
    """The picture that is being put together. Key frames and others have numbers of packets of their own."""

    def __init__(self, coding: Coding, note_late: Callable[[], None]) -> None:
        self._coding, self._note_late = coding, note_late
        self._held: list[Any] = []
        self._has_slice = False
        self._wanted: dict[bool, int | None] = {True: None, False: None}  # None: as many as come
        self._last: Any = None  # first packet of the picture handed on last

    def add(self, packet: Any) -> Iterator[Any]:
        begins = self._coding.begins(bytes(packet))
        if begins is False and not self._held and self._last is not None and _at_once(self._last, packet):
            self._wanted[bool(self._last.is_keyframe)] = None  # more packets a picture than before
            self._note_late()
            return
        if self._has_slice and (begins is not False or not _at_once(self._held[0], packet)):
            yield from self.finish()
        self._held.append(packet)
        self._has_slice = self._has_slice or begins is not None
        wanted = self._wanted[self._is_key()]
        if self._has_slice and len(self._held) == wanted or len(self._held) >= _MOST_PIECES:
            yield self._joined()

    def finish(self) -> Iterator[Any]:
        """What is held, where another picture begins: now the number of its packets is known."""
        if self._held:
            key = self._is_key()
            self._wanted[key] = len(self._held) if self._wanted[key] is None else None
            yield self._joined()

    def _is_key(self) -> bool:
        return any(packet.is_keyframe for packet in self._held)

    def _joined(self) -> Any:
        pieces, self._held, self._has_slice = self._held, [], False
        self._last = pieces[0] if len(pieces) == 1 else join(pieces)
        return self._last


def join(pieces: list[Any]) -> Any:
    """One packet of several, with the first times that any of them has."""
    joined = av.Packet(b"".join(bytes(piece) for piece in pieces))
    stamped = next((piece for piece in pieces if _stamp(piece) is not None), pieces[0])
    joined.pts, joined.dts, joined.time_base = stamped.pts, stamped.dts, stamped.time_base
    joined.is_keyframe = any(piece.is_keyframe for piece in pieces)
    for piece in pieces:
        if piece.has_sidedata("prft") and not joined.has_sidedata("prft"):
            joined.set_sidedata(piece.get_sidedata("prft"))
    return joined


def _at_once(one: Any, other: Any) -> bool:
    """Whether nothing says that two packets are of different times."""
    stamps = _stamp(one), _stamp(other)
    return None in stamps or stamps[0] == stamps[1]


def _stamp(packet: Any) -> int | None:
    stamp: int | None = packet.pts if packet.pts is not None else packet.dts
    return stamp
