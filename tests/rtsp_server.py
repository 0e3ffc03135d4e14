"""A real RTSP server on loopback: GStreamer's, run under the system's Python, which has its bindings.

    with RtspServer(clip) as server: server.url; server.stop(); server.start()

Debian: gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad}.
"""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

_PYTHON = "/usr/bin/python3"
_PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
_PARTS = ("tsdemux", "h264parse", "rtph264pay")


class RtspServer:
    """Serves one H.264 clip (MPEG-TS) at `url`, from its start for whoever comes first. Stop and start keep the port. For
    clients of one transport: one over TCP beside one over UDP may have GStreamer abort."""

    def __init__(self, clip: Path, *, user: str = "", password: str = "") -> None:
        self._clip, self._user, self._password = clip, user, password
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit

    @property
    def url(self) -> str:
        login = f"{self._user}:{self._password}@" if self._user else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/live"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._said.close()

    def start(self) -> None:
        command = [_PYTHON, __file__, str(self.port), str(self._clip), self._user, self._password]
        self._process = subprocess.Popen(command, stdout=self._said, stderr=self._said)
        wait_for_port(self.port, 60, self.check)

    def check(self) -> None:
        """Raises RuntimeError, with what it said last, where it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            self._said.seek(0)
            said = self._said.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"the RTSP server ended with {self._process.returncode}: {said}")

    def stop(self) -> None:
        if self._process is not None:
            self.kill()
            self._process = None

    def kill(self) -> None:
        """End it as an abort would: it is not stopped, `check` tells."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def missing_part() -> str | None:
    """Why no server can be started here; None where one can."""
    if not Path(_PYTHON).exists():
        return f"no {_PYTHON}"
    probe = (
        f"{_PROBE}; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None); "
        f"missing = [n for n in {_PARTS!r} if not Gst.ElementFactory.find(n)]; assert not missing, missing"
    )
    done = subprocess.run([_PYTHON, "-c", probe], check=False, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1] if done.returncode else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, limit_s: float, check: Callable[[], None]) -> None:
    end = time.monotonic() + limit_s
    while True:
        check()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def serve(port: str, clip: str, user: str, password: str) -> None:
    """Run until killed. This half runs under the system's Python."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    payload = "rtph264pay name=pay0 pt=96 config-interval=-1"
    factory.set_launch(f'( filesrc location="{clip}" ! tsdemux ! h264parse ! {payload} )')
    factory.set_shared(True)
    if user:
        guard(GstRtspServer, server, factory, user, password)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    GLib.MainLoop().run()


def guard(rtsp, server, factory, user: str, password: str) -> None:
    """Ask for a name and a password."""
    auth, token, rights = rtsp.RTSPAuth(), rtsp.RTSPToken(), rtsp.RTSPPermissions()
    token.set_string("media.factory.role", "user")
    auth.add_basic(rtsp.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    rights.add_role("user")
    rights.add_permission_for_role("user", "media.factory.access", True)
    rights.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(rights)


if __name__ == "__main__":
    serve(*sys.argv[1:5])
