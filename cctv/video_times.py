"""Times of a file's packets. A few that damage has put far away are given times between their neighbours; a leap that the
packets after it go on from is believed: a pause of the recording, or another one joined to it. Pure but for the packets.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

_BACK_S, _BACK_FRAMES = 1.0, 5  # pictures: of a recording with seconds between them
_LEAP_S, _LEAP_FRAMES = 10.0, 5
_REORDERED = 20  # pictures: more than any decoder holds back
_BELIEVED = 5  # packets in a row that stay away


def back_s(frame_s: float) -> float:
    """A file whose times step back by more begins anew, as where recordings were joined."""
    return max(_BACK_S, _BACK_FRAMES * frame_s)


def without_damage(
    packets: Iterable[Any], begins_s: float, frame_s: float, note: Callable[[float], None]
) -> Iterator[Any]:
    """The packets in their order; `note` is told the time of each that got another one. `begins_s` is the first time of the
    file, `frame_s` the usual length of a picture. What is shown first is decoded before that, with the pictures it needs."""
    leap_s, torn_s = max(_LEAP_S, _LEAP_FRAMES * frame_s), max(_LEAP_S, _REORDERED * frame_s)
    last_s, least_s = begins_s - frame_s, begins_s - leap_s
    away: list[Any] = []
    for packet in packets:
        if _is_torn(packet, torn_s):
            note(float(packet.pts * packet.time_base))
            packet.pts = packet.dts
        at_s = _seconds(packet)
        if away and at_s is not None and last_s < at_s < last_s + leap_s:
            _spread(away, last_s, at_s, note)
        elif away or at_s is not None and not least_s <= at_s < last_s + leap_s:
            away.append(packet)
            if len(away) < _BELIEVED and packet.size:
                continue
            packet = away.pop()
        yield from away
        away = []
        if at_s is not None:
            last_s, least_s = at_s, at_s - back_s(frame_s)
        yield packet
    yield from away


def _spread(away: list[Any], last_s: float, at_s: float, note: Callable[[float], None]) -> None:
    """Give packets times between two others, equally far apart."""
    for number, packet in enumerate(away, 1):
        between_s = last_s + (at_s - last_s) * number / (len(away) + 1)
        note(_seconds(packet) or 0.0)
        packet.pts = packet.dts = round(between_s / packet.time_base)


def _is_torn(packet: Any, torn_s: float) -> bool:
    """Whether a picture is to be shown long before or after it is decoded."""
    stamped = packet.pts is not None and packet.dts is not None
    return stamped and abs(float((packet.pts - packet.dts) * packet.time_base)) > torn_s


def _seconds(packet: Any) -> float | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None else float(stamp * packet.time_base)
