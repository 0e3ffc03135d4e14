"""Where a camera's pictures come from: the secret behind a register's reference, and how FFmpeg may open it.

An address may hold a password. No message, repr or log line repeats one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from firewarden.errors import PolicyError

CONNECT_S = 5.0  # a camera in the same network answers within milliseconds
READ_S = 8.0  # without data for so long the connection is given up
_SCHEMES = "rtsp://, rtsps://, rtsp+udp://, http(s):// (HLS) or the absolute path of a video file"


class Transport(StrEnum):
    """How pictures travel."""

    RTSP_TCP = "rtsp_tcp"
    RTSP_UDP = "rtsp_udp"
    HTTP = "http"
    FILE = "file"


_TRANSPORTS = {
    "rtsp": Transport.RTSP_TCP,
    "rtsps": Transport.RTSP_TCP,
    "rtsp+udp": Transport.RTSP_UDP,
    "http": Transport.HTTP,
    "https": Transport.HTTP,
    "file": Transport.FILE,
}
_PROTOCOLS = {  # what an address of this kind may make FFmpeg open: a playlist from outside must not name local files
    Transport.RTSP_TCP: "rtsp,rtp,tcp,tls",
    Transport.RTSP_UDP: "rtsp,rtp,udp,tcp",
    Transport.HTTP: "http,https,tcp,tls,crypto",
    Transport.FILE: "file,crypto",
}


@dataclass(frozen=True, slots=True)
class Address:
    """`url` is what FFmpeg opens."""

    url: str = field(repr=False)
    transport: Transport

    @property
    def is_live(self) -> bool:
        return self.transport is not Transport.FILE


def read_address(reference: str | None, environment: Mapping[str, str] | None = None) -> Address:
    """The address behind `env:NAME` (of this process, if no `environment` is given) or `file:/path`; raises PolicyError, which tells the reference and nothing else."""
    kind, _, name = (reference or "").partition(":")
    if kind == "env":
        text = (os.environ if environment is None else environment).get(name)
        if not text:
            raise PolicyError(f"variable {name} is not set; put the camera's address into it")
        return parse_address(text, told=str(reference))
    if kind != "file":
        raise PolicyError("no address; give the camera `url`: env:NAME or file:/path")
    try:
        lines = Path(name).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"{name} cannot be read ({type(error).__name__}); put the address into it"
        ) from None
    if len(lines) != 1:
        raise PolicyError(f"{name} holds {len(lines)} words, expected one address")
    return parse_address(lines[0], told=str(reference))


def parse_address(text: str, *, told: str) -> Address:
    """An address from its text; raises PolicyError about what is `told`, never with the text."""
    if Path(text).is_absolute():
        return Address(f"file:{text}", Transport.FILE)
    scheme, separator, rest = text.partition("://")
    transport = _TRANSPORTS.get(scheme.lower())
    if transport is None or not separator or not rest or not _is_url(text):
        raise PolicyError(f"what {told} holds is no address, expected {_SCHEMES}")
    if transport is Transport.FILE:
        return Address(f"file:{rest}", transport)
    return Address(text if transport is not Transport.RTSP_UDP else f"rtsp://{rest}", transport)


def open_options(transport: Transport) -> dict[str, str]:
    """Options of FFmpeg's demuxers: only the protocols that belong to the address, little probing, nothing but video."""
    options = {"protocol_whitelist": _PROTOCOLS[transport]}
    if transport is Transport.FILE:
        return options
    options |= {"analyzeduration": "1000000", "fpsprobesize": "0"}
    if transport is Transport.HTTP:
        return options | {"live_start_index": "-1", "rw_timeout": _micros(READ_S)}
    way = "udp" if transport is Transport.RTSP_UDP else "tcp"
    return options | {"rtsp_transport": way, "allowed_media_types": "video", "timeout": _micros(READ_S)}


def _micros(seconds: float) -> str:
    return str(round(seconds * 1e6))


def _is_url(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True
