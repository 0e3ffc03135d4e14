"""Live streams through capture processes: RTSP over TCP and UDP, HLS, a server that goes and comes back, processes that
hang, stop and die."""

import functools
import http.server
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
import av
from rtsp_server import RtspServer, missing_part
from video_clips import moving, write

from firewarden.cctv import stream_supervisor
from firewarden.cctv.stream_address import parse_address
from firewarden.cctv.stream_group import Limits
from firewarden.cctv.stream_supervisor import Supervisor, grouped, parted
from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_source import Capture, CaptureState, Source

SLOW = 60.0  # patience with a busy machine, s


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "clip.ts", moving(300))


@pytest.fixture(scope="module")
def rtsp() -> None:
    missing = missing_part()
    if missing is not None:
        pytest.skip(
            f"RTSP SERVER ABSENT ({missing}); apt-get install the packages tests/rtsp_server.py names"
        )


def source(camera_id: str, address: object, every_s: float = 0.5, **kind) -> Source:
    return Source(camera_id, parse_address(str(address), told="test"), every_s, **kind)


class Watch:
    """Capture processes, and what has come of them: (camera, shape, taken at, received at)."""

    def __init__(self, *sources: Source, servers: Iterable[RtspServer] = (), **settings) -> None:
        self.came: list[tuple] = []
        self.servers = servers
        self.supervisor = Supervisor(sources, self._receive, **settings)

    def _receive(self, picture, pixels) -> None:
        self.came.append((picture.camera_id, pixels.shape, picture.at, datetime.now(UTC)))

    def count(self, camera_id: str) -> int:
        return Counter(name for name, *_ in tuple(self.came))[camera_id]

    def wait(self, camera_id: str, more: int = 1) -> float:
        """Seconds until so many more pictures of a camera have come."""
        began, wanted = time.monotonic(), self.count(camera_id) + more
        self.until(lambda: self.count(camera_id) >= wanted)
        return time.monotonic() - began

    def until(self, condition) -> None:
        """Wait for it, while all servers live."""

        def met() -> bool:
            for server in self.servers:
                server.check()
            return condition()

        until(met)


@contextmanager
def watching(*sources: Source, **settings):
    watch = Watch(*sources, **settings)
    watch.supervisor.start()
    try:
        yield watch
    finally:
        watch.supervisor.stop()


def until(condition, limit_s: float = SLOW) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "did not come to pass"
        time.sleep(0.05)


def test_a_process_that_cannot_be_started_is_tried_again(monkeypatch):
    """The machine has no process to give, twice: the watch over the others goes on."""
    tried = []

    class Scarce(stream_supervisor.Group):
        def start(self) -> None:
            tried.append(self.sources[0].camera_id)
            if tried.count("a") <= 2 and tried[-1] == "a":
                raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(stream_supervisor, "Group", Scarce)
    a, b, c = (source(name, "rtsp://127.0.0.1:9/x") for name in "abc")
    supervisor = Supervisor([a], lambda *_: None, group_size=1)
    supervisor.start()
    try:
        until(lambda: tried.count("a") == 2)
        supervisor.adopt([a, b, c])
        until(lambda: set(tried) == {"a", "b", "c"} and tried.count("a") == 3)
    finally:
        supervisor.stop()


def test_rtsp_over_tcp_and_udp_and_a_server_that_comes_back(rtsp, clip, capfd):
    with RtspServer(clip) as server, RtspServer(clip) as other:
        sources = source("tcp", server.url), source("udp", other.url.replace("rtsp:", "rtsp+udp:"))
        file = source("file", clip, replay=True)
        with watching(*sources, file, servers=(server, other)) as watch:
            watch.wait("tcp", 8)
            watch.wait("udp")
            assert {shape for _, shape, *_ in watch.came} == {(180, 320, 3)}
            stamped = [(at, received) for name, _, at, received in watch.came if name == "tcp"]
            assert all(abs((received - at).total_seconds()) < 10 for at, received in stamped)
            assert all(a < b for (a, _), (b, _) in pairwise(stamped))
            server.stop()
            watch.until(lambda: watch.supervisor.captures()["tcp"][0].state is CaptureState.WAITING)
            others = watch.count("file")
            server.start()
            assert watch.wait("tcp") <= 10
            assert watch.count("file") > others, "a file played beside it was not disturbed"
            watch.until(lambda: watch.supervisor.captures()["tcp"][0].reconnects >= 1)
            assert watch.supervisor.captures()["tcp"][1] == 0, "its process lived on"


def test_a_server_that_dies_is_told_with_what_it_said(rtsp, tmp_path):
    with RtspServer(tmp_path / "none.ts") as server:
        server.check()
        server.kill()
        with (
            watching(source("a", server.url), servers=(server,)) as watch,
            pytest.raises(RuntimeError, match="ended with -9"),
        ):
            watch.wait("a")


def test_a_wrong_password_is_told_without_the_address(rtsp, clip, capfd, caplog):
    with RtspServer(clip, user="guard", password="open-sesame") as server:
        wrong = server.url.replace("open-sesame", "hidden-word")
        with watching(source("good", server.url), source("bad", wrong), servers=(server,)) as watch:
            watch.wait("good")
            watch.until(lambda: watch.supervisor.captures()["bad"][0].failures > 0)
            bad = watch.supervisor.captures()["bad"][0]
    assert "nauthorized" in bad.last_error
    shown = repr(bad) + caplog.text + "".join(capfd.readouterr())
    for secret in ("hidden-word", "open-sesame", "guard", "127.0.0.1"):
        assert secret not in shown


class Playlist:
    """A live HLS stream over HTTP, ten pictures a segment; the playlist grows as `segments` does."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.segments = folder, 2
        options = {"hls_time": "1", "hls_list_size": "0"}
        with av.open(str(folder / "whole.m3u8"), "w", format="hls", options=options) as out:
            stream = out.add_stream("h264", rate=10, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 180, "yuv420p", 10
            for pixels in moving(60):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
            out.mux(stream.encode())

    def text(self) -> str:
        lines = (self._folder / "whole.m3u8").read_text().splitlines()
        ends = [number for number, line in enumerate(lines) if line.endswith(".ts")]
        return "\n".join(lines[: ends[self.segments - 1] + 1]) + "\n"

    @contextmanager
    def served(self):
        """Its address, meanwhile."""
        playlist = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                if not self.path.endswith("live.m3u8"):
                    super().do_GET()
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(playlist.text().encode())

            def log_message(self, *_: object) -> None:
                """Quiet."""

        handler = functools.partial(Handler, directory=str(self._folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/live.m3u8"
        finally:
            server.shutdown()
            server.server_close()


def test_hls(tmp_path):
    playlist = Playlist(tmp_path)
    with playlist.served() as url, watching(source("hls", url, 0.2)) as watch:
        watch.wait("hls")
        playlist.segments += 1
        watch.wait("hls", 2)
    assert {shape for _, shape, *_ in watch.came} == {(180, 320, 3)}


def test_a_playlist_that_stands_still_gives_no_new_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("firewarden.cctv.video_reader.READ_S", 1.0)
    playlist, counts, stop = Playlist(tmp_path), Capture("hls"), threading.Event()
    with playlist.served() as url:
        reading = (source("hls", url, 0.2), counts, lambda *_: None, stop)
        thread = threading.Thread(target=capture, args=reading)
        thread.start()
        try:
            until(lambda: counts.reconnects >= 1)
            given = counts.taken
            assert given > 0
            until(lambda: counts.reconnects >= 3)
            assert counts.taken == given
            assert counts.error_at is None, "nothing was damaged"
            playlist.segments += 1
            until(lambda: counts.taken > given)
        finally:
            stop.set()
            thread.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_camera_that_hangs_is_set_apart_and_the_others_go_on(tmp_path, clip):
    os.mkfifo(tmp_path / "pipe.ts")  # opening it hangs in the system, where no time limit of FFmpeg reaches
    sources = [source("well", clip, replay=True), source("hangs", tmp_path / "pipe.ts", replay=True)]
    other = source("other", clip, replay=True)
    with watching(*sources, other, group_size=2, limits=Limits(step_s=3.0)) as watch:
        watch.wait("other")
        pid = watch.supervisor.pids()["other"]
        until(lambda: watch.supervisor.captures()["hangs"][1] >= 2)
        watch.wait("well", 3)
        counts = watch.supervisor.captures()
        assert counts["well"][1] == 1, "disturbed once, then set apart"
        assert counts["other"][1] == 0 and watch.supervisor.pids()["other"] == pid


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal here")
@pytest.mark.parametrize("number", ["SIGSTOP", "SIGKILL"])
def test_a_process_that_stops_or_dies_is_replaced(clip, number):
    sources = [source("a", clip, replay=True), source("b", clip, replay=True)]
    with watching(*sources, group_size=1, limits=Limits(silent_s=4.0)) as watch:
        watch.wait("a")
        watch.wait("b")
        before = watch.supervisor.pids()
        taken = watch.supervisor.captures()["a"][0].taken
        os.kill(before["a"], getattr(signal, number))
        until(lambda: watch.supervisor.captures()["a"][1] == 1)
        watch.wait("a", 2)
        after = watch.supervisor.pids()
        assert after["a"] != before["a"] and after["b"] == before["b"]
        until(lambda: watch.supervisor.captures()["a"][0].taken > taken)  # counts go on


def test_a_slow_receiver_loses_old_pictures_and_stops_nobody(clip):
    slow = threading.Event()
    sup = Supervisor(
        [source("a", clip, 0.1, replay=True)], lambda picture, pixels: slow.wait(1.0)
    )  # one picture a second of ten
    sup.start()
    try:
        until(lambda: sup.captures()["a"][0].dropped >= 10)
    finally:
        slow.set()
        sup.stop()


def test_files_end_and_nothing_is_lost_of_them(clip):
    with watching(source("a", clip, 0.5), source("b", clip, 1.0)) as watch:
        until(lambda: watch.supervisor.finished)
        until(lambda: watch.count("a") == 60 and watch.count("b") == 30)
        assert {c.state for c, _ in watch.supervisor.captures().values()} == {CaptureState.FINISHED}


def test_cameras_that_may_be_dropped_from_are_kept_apart_from_files():
    live = [source(f"l{n}", "rtsp://h/1") for n in range(3)]
    files = [source("f", "/a.mp4")]
    names = [[s.camera_id for s in group] for group in grouped([*files, *live], 2)]
    assert names == [["l0", "l1"], ["l2"], ["f"]]


@pytest.mark.parametrize(
    ("hanging", "halve", "expected"),
    [
        (["b"], False, [["b"], ["a", "c", "d"]]),
        ([], False, [["a", "b", "c", "d"]]),
        ([], True, [["a", "b"], ["c", "d"]]),
        (["a", "b", "c", "d"], False, [["a"], ["b"], ["c"], ["d"]]),
    ],
    ids=["one hangs", "nobody knows", "nobody knows, again and again", "all hang"],
)
def test_how_a_broken_group_goes_on(hanging, halve, expected):
    sources = tuple(source(name, "rtsp://h/1") for name in "abcd")
    assert [[s.camera_id for s in part] for part in parted(sources, hanging, halve=halve)] == expected
