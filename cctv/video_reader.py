"""One video or stream, opened with PyAV: samples out of it, decoding no more than it takes.

Runs in capture processes. FFmpeg's messages hold addresses with passwords: only its error words are passed on.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError, HTTPForbiddenError, HTTPUnauthorizedError

from firewarden.cctv.frame import Pixels
from firewarden.cctv.stream_address import CONNECT_S, READ_S, open_options
from firewarden.cctv.video_clock import file_start, from_micros, produced_at, settle
from firewarden.cctv.video_sampling import Sampling
from firewarden.cctv.video_source import Capture, Source
from firewarden.cctv.video_times import BACK_S, without_damage

MAX_PIXELS = 3840 * 2160  # larger pictures are scaled down to it
_DECODED_PIXELS = 8192 * 8192  # a damaged header may announce any size: beyond this nothing is decoded
_MIN_SIDE = 32
_GIVE_UP_AFTER = 250  # packets in a row that give no picture: open anew
_KEY_WITHIN = 300  # packets; some cameras never send a key frame
_CUT_SHARE = 0.98  # a file that ends before so much of its announced length is cut off
_FRESH_STARTS = 8  # of reading, within one opening, after damage that misled the library


class StreamBroken(Exception):
    """A stream cannot be opened or read on. The message is fit to be shown; `refused`: name or password are wrong."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture: `pixels (h, w, 3) uint8` BGR, when it was taken, and when it was received (monotonic s)."""

    pixels: Pixels
    at: datetime
    received_s: float


@contextmanager
def opened(source: Source, counts: Capture, wait: Callable[[float], object]) -> Iterator["Reader"]:
    """The reader of a source; raises StreamBroken. `wait` sleeps for some seconds, less when the process ends."""
    counts.step_at = time.monotonic()
    try:
        options = open_options(source.address.transport)
        container = av.open(source.address.url, options=options, timeout=(CONNECT_S, READ_S))
    except (FFmpegError, OSError, ValueError) as error:
        raise broken(error, "cannot be opened") from None
    finally:
        counts.step_at = None
    with container:
        if not container.streams.video:
            raise StreamBroken("holds no video")
        yield Reader(source, container, counts, wait)


def broken(error: Exception, what: str) -> StreamBroken:
    """The error without FFmpeg's own text, which repeats the address."""
    refused = isinstance(error, HTTPUnauthorizedError | HTTPForbiddenError)
    words = getattr(error, "strerror", None) or type(error).__name__
    return StreamBroken(f"{what}: {words}", refused=refused)


class Reader:
    """Samples of one opened container."""

    def __init__(
        self, source: Source, container: Any, counts: Capture, wait: Callable[[float], object]
    ) -> None:
        self._source, self._container, self._counts, self._wait = source, container, counts, wait
        self._stream = container.streams.video[0]
        self._decoder = self._stream.codec_context
        self._decoder.thread_count = 1  # cameras share the cores; and no picture waits in a thread
        self._decoder.options = {"max_pixels": str(_DECODED_PIXELS)}
        self._sampling = Sampling(source.every_s)
        self._fruitless = 0
        self._packets = 0
        self._last_s = 0.0  # media time of the last packet
        self._farthest_s = 0.0  # of packets that lied about theirs: the length of a file may go by them
        self._shown_s = 0.0  # of the last picture: above that of its packet where pictures are reordered
        self._shift_s = 0.0  # what a file's own times lack since they began anew
        self._first_s: float | None = None
        self._began_s: float | None = None
        self._lag = timedelta(0)  # of a stream's own clock behind receipt, when it was believed last
        self._file_start = self._read_file_start()

    def samples(self) -> Iterator[Sample]:
        """Pictures as they fall due; raises StreamBroken where it cannot go on, ends where a file does."""
        if self._source.offset_s:
            offset = round(self._source.offset_s * 1e6) + (self._container.start_time or 0)
            self._container.seek(offset, backward=True)
        for packet in self._demux() if self._source.is_stream else self._mended():
            if self._begins_anew(packet):
                yield from self._taken(self._drain(), packet, self._last_s)
                self._go_on(packet)
            now = self._pace(packet)
            if packet.is_keyframe:
                self._note_key(now)
            yield from self._taken(self._decode(packet, now), packet, now)
        self._check_whole()

    def _taken(self, frames: Iterable[Any], packet: Any, now: float) -> Iterator[Sample]:
        for frame in frames:
            sample = self._take(frame, packet, now)
            if sample is not None:
                yield sample

    def _demux(self) -> Iterator[Any]:
        """Packets of the video, the last one empty: it has the decoder give what it still holds. Damage may announce
        streams that the library then misses (IndexError): reading is begun afresh where it stands."""
        for _ in range(_FRESH_STARTS):
            packets, ended = self._container.demux(self._stream), False
            try:
                while (packet := self._step(partial(next, packets, None), "cannot be read")) is not None:
                    self._packets += packet.size > 0
                    ended = not packet.size
                    yield packet
                return
            except IndexError:
                self._count_corrupt("damaged list of streams")
                if ended:
                    return
        raise StreamBroken("cannot be read: damaged list of streams")

    def _mended(self) -> Iterator[Any]:
        """The packets of a file, with times that damage has put far away set right."""
        begins_s = (self._container.start_time or 0) / 1e6
        return without_damage(self._demux(), begins_s, self._frame_length_s(), self._note_leap)

    def _note_leap(self, own_s: float) -> None:
        self._farthest_s = max(self._farthest_s, self._shifted_s(own_s))
        self._counts.clock_off += 1
        self._counts.last_error = "times that leap were set right"

    def _step(self, step: Callable[[], Any], what: str) -> Any:
        """Run what may hang; the watchdog sees since when."""
        self._counts.step_at = time.monotonic()
        try:
            return step()
        except (FFmpegError, OSError) as error:
            raise broken(error, what) from None
        finally:
            self._counts.step_at = None

    def _begins_anew(self, packet: Any) -> bool:
        """Whether the times of a file step back here. Those of a stream are not gone by."""
        stamped = packet.dts is not None and not self._source.is_stream
        return stamped and self._media_s(packet) < self._last_s - BACK_S

    def _drain(self) -> list[Any]:
        """The pictures that the decoder still holds; it is ready for others afterwards."""
        if not self._decoder.is_open:
            return []
        try:
            return list(self._decoder.decode(None))
        except FFmpegError:  # nothing was held
            return []
        finally:
            self._decoder.flush_buffers()

    def _go_on(self, packet: Any) -> None:
        """From this packet on, times follow the last one."""
        self._shift_s += max(self._last_s, self._shown_s) + self._frame_length_s() - self._media_s(packet)
        self._counts.last_error = "its times begin anew; they were taken as going on"

    def _pace(self, packet: Any) -> float:
        """The time sampling goes by: of receipt for live pictures, else of the file. A replay waits for its moment."""
        media_s = self._media_s(packet)
        self._last_s = max(self._last_s, media_s)
        if self._source.is_stream:
            return time.monotonic()
        if self._source.replay:
            if self._first_s is None:
                self._first_s, self._began_s = media_s, time.monotonic()
            assert self._began_s is not None
            self._wait(self._began_s + media_s - self._first_s - time.monotonic())
        return media_s

    def _media_s(self, packet: Any) -> float:
        """Seconds into the file; without times, by the usual rate. That of the empty packet is the end."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            frame_s = self._frame_length_s()
            return self._packets * frame_s if packet.size else self._last_s + frame_s
        return self._shifted_s(float(stamp * packet.time_base))

    def _frame_length_s(self) -> float:
        return 1 / float(self._stream.average_rate or 25)

    def _shifted_s(self, own_s: float) -> float:
        return own_s - (self._container.start_time or 0) / 1e6 + self._shift_s

    def _note_key(self, now: float) -> None:
        before, self._sampling = self._sampling.keys_only, self._sampling.with_key(now)
        if before != self._sampling.keys_only:
            self._decoder.skip_frame = "NONKEY" if self._sampling.keys_only else "DEFAULT"
            if self._decoder.is_open:
                self._decoder.flush_buffers()

    def _decode(self, packet: Any, now: float) -> list[Any]:
        """Pictures of a packet. Of key frames alone, each is decoded by itself and only when one is due."""
        alone = self._sampling.keys_only
        if alone and not (packet.is_keyframe and self._sampling.is_due(now)):
            return []
        if self._sampling.key_s is None and self._packets < _KEY_WITHIN:
            return []  # joined in the middle: pictures before a key frame are grey
        self._counts.step_at = time.monotonic()
        try:
            frames = list(self._decoder.decode(packet if packet.size else None))
            if alone:
                frames += self._decoder.decode(None)
                self._decoder.flush_buffers()
        except FFmpegError as error:
            self._count_error(broken(error, "cannot be decoded"))
            return []
        finally:
            self._counts.step_at = None
        self._fruitless = 0 if frames else self._fruitless
        return frames

    def _count_error(self, error: StreamBroken) -> None:
        self._counts.errors += 1
        self._counts.last_error, self._counts.error_at = str(error), time.monotonic()
        self._fruitless += 1
        if self._sampling.keys_only and self._decoder.is_open:
            self._decoder.flush_buffers()
        if self._fruitless >= _GIVE_UP_AFTER:
            raise error

    def _take(self, frame: Any, packet: Any, now: float) -> Sample | None:
        """The picture if one is due and it is whole."""
        t = now if self._source.is_live or frame.time is None else self._shifted_s(float(frame.time))
        if frame.is_corrupt or min(frame.width, frame.height) < _MIN_SIDE:
            self._count_corrupt("damaged pictures")
            return None
        if not self._source.is_live:
            self._shown_s = max(self._shown_s, t)
        if not self._sampling.is_due(t):
            return None
        self._sampling = self._sampling.with_taken(t)
        self._counts.taken += 1
        return Sample(to_bgr(frame), self._taken_at(packet, t), time.monotonic())

    def _count_corrupt(self, message: str) -> None:
        self._counts.corrupt += 1
        self._counts.last_error, self._counts.error_at = message, time.monotonic()

    def _taken_at(self, packet: Any, t: float) -> datetime:
        now = datetime.now(UTC)
        if not self._source.is_live:
            self._counts.clock_off += self._shift_s != 0
            return self._file_start + timedelta(seconds=t)
        at, off = settle(self._told_at(packet), now, self._lag)
        self._counts.clock_off += off
        self._lag = now - at
        return at

    def _told_at(self, packet: Any) -> datetime | None:
        """The wall clock that a stream gives along, as RTSP does from its first sender report on."""
        if not self._source.is_stream:
            return None
        if packet.has_sidedata("prft"):
            return produced_at(bytes(packet.get_sidedata("prft")))
        start = self._container.start_time_realtime
        if start is None or packet.pts is None:
            return None
        return from_micros(start + round(self._media_s(packet) * 1e6))

    def _read_file_start(self) -> datetime:
        if self._source.is_stream:
            return datetime.now(UTC)
        path = Path(self._source.address.url.removeprefix("file:"))
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return file_start(self._container.metadata, modified, (self._container.duration or 0) / 1e6)

    def _check_whole(self) -> None:
        """Raises StreamBroken for a file that ended early, and a stream, which never ends by itself."""
        length = (self._container.duration or 0) / 1e6
        if self._source.is_stream:
            raise StreamBroken("ended")
        if not self._packets or max(self._last_s, self._farthest_s) < length * _CUT_SHARE - 1:
            raise StreamBroken(f"cut off after {self._last_s:.0f} of {length:.0f} s")


def to_bgr(frame: Any) -> Pixels:
    """The pixels of a decoded picture, scaled down where it has more than MAX_PIXELS."""
    scale = (MAX_PIXELS / (frame.width * frame.height)) ** 0.5
    if scale < 1:
        width, height = int(frame.width * scale), int(frame.height * scale)
        frame = frame.reformat(width=width, height=height, format="bgr24")
    pixels: Pixels = frame.to_ndarray(format="bgr24")
    return pixels
