"""When a picture was taken, from what a stream or file says about itself. Pure."""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_TRUSTED_S = 10.0  # a stream's clock farther from the time of receipt than this is set wrong
_WRITTEN_S = 60.0  # a file may have been written by another clock
_PRODUCED_AT = struct.Struct("=qi")  # AVProducerReferenceTime: microseconds since 1970, flags


def file_start(metadata: Mapping[str, str], modified: datetime, duration_s: float) -> datetime:
    """When a recording began: its `creation_time`, else so long before it was last written as it lasts. A `creation_time`
    after that is local time that calls itself UTC, as recorders east of Greenwich write it."""
    told = _created(metadata)
    if told is None or told - modified > timedelta(seconds=_WRITTEN_S):
        return modified - timedelta(seconds=duration_s)
    return told


def _created(metadata: Mapping[str, str]) -> datetime | None:
    try:
        told = datetime.fromisoformat(metadata["creation_time"])
    except (KeyError, ValueError):
        return None
    return told if told.utcoffset() is not None else told.replace(tzinfo=UTC)


def produced_at(side_data: bytes) -> datetime | None:
    """The wall clock of a packet's `prft`; None where there is none to be read."""
    if len(side_data) < _PRODUCED_AT.size:
        return None
    return from_micros(_PRODUCED_AT.unpack_from(side_data)[0])


def from_micros(microseconds: int) -> datetime | None:
    """Microseconds since 1970 as a time; None for what no calendar holds."""
    try:
        return datetime.fromtimestamp(microseconds / 1e6, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def settle(told: datetime | None, received: datetime, lag: timedelta = timedelta(0)) -> tuple[datetime, bool]:
    """The time of a live picture, and whether the stream's own clock had to be left aside: then the picture is as long on
    its way as the one before, `lag`, so that times go on."""
    if told is None:
        return received, False
    if abs((received - told).total_seconds()) > _TRUSTED_S:
        return received - lag, True
    return min(told, received), False
