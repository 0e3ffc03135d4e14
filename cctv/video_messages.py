"""What capture processes tell their parent, through one pipe."""

from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection

import numpy as np

from firewarden.cctv.frame import Pixels
from firewarden.cctv.video_source import Capture

_PIPE_BYTES = 1 << 20  # a larger pipe makes a quarter of the switches between processes
_F_SETPIPE_SZ = 1031  # Linux


@dataclass(frozen=True, slots=True)
class Picture:
    """Announces pixels `(height, width, 3) uint8`, which follow as bytes."""

    camera_id: str
    hw: tuple[int, int]
    at: datetime
    received_s: float


@dataclass(frozen=True, slots=True)
class Beat:
    """The process lives; counts of its cameras. `error_at` and `step_at` are monotonic seconds, one clock for the
    machine. `last`: all its files have ended, nothing follows."""

    captures: tuple[Capture, ...]
    last: bool = False


def widen(connection: Connection) -> None:
    """A larger pipe, where the system has that."""
    try:
        import fcntl

        fcntl.fcntl(connection.fileno(), _F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, OSError):
        pass


def send_picture(connection: Connection, picture: Picture, pixels: Pixels) -> None:
    connection.send(picture)
    connection.send_bytes(np.ascontiguousarray(pixels).reshape(-1).data)


def receive_pixels(connection: Connection, picture: Picture) -> Pixels:
    """The pixels that follow a picture; raises EOFError or OSError where the sender is gone."""
    pixels = np.empty((*picture.hw, 3), np.uint8)
    connection.recv_bytes_into(pixels.reshape(-1).data)
    return pixels
