"""One video or stream, opened with PyAV: samples out of it, decoding no more than it takes.

Runs in capture processes. FFmpeg's messages hold addresses with passwords: only its error words are passed on.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import av
from av.error import FFmpegError

from firewarden.cctv.stream_address import CONNECT_S, READ_S, open_options
from firewarden.cctv.stream_broken import StreamBroken, broken
from firewarden.cctv.video_due import Due
from firewarden.cctv.video_frames import Sample, shown_at, to_bgr
from firewarden.cctv.video_given import Given
from firewarden.cctv.video_group import PacketGroup
from firewarden.cctv.video_pictures import coding_of, whole_pictures
from firewarden.cctv.video_sampling import Sampling
from firewarden.cctv.video_source import Capture, Source
from firewarden.cctv.video_times import back_s, without_damage
from firewarden.cctv.video_wall_clock import WallClock, begins_s, length_s

_DECODED_PIXELS = 8192 * 8192  # a damaged header may announce any size: beyond this nothing is decoded
_MIN_SIDE = 32
_GIVE_UP_AFTER = 250  # packets in a row that give no picture: open anew
_KEY_WITHIN = 300  # packets; some cameras never send a key frame
_CUT_SHARE = 0.98  # a file that ends before so much of its announced length is cut off
_DAMAGED = "damaged pictures"
_AGAIN = "only pictures that it gave before"
_FRESH_STARTS = 8  # of reading, within one opening, after damage that misled the library


@contextmanager
def opened(
    source: Source, counts: Capture, wait: Callable[[float], object], given: Given | None = None
) -> Iterator["Reader"]:
    """The reader of a source; raises StreamBroken. `wait` sleeps for some seconds, less when the process ends. What was
    `given` before is passed over."""
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
        yield Reader(source, container, counts, wait, given)


class Reader:
    """Samples of one opened container."""

    def __init__(
        self,
        source: Source,
        container: Any,
        counts: Capture,
        wait: Callable[[float], object],
        given: Given | None = None,
    ) -> None:
        self._source, self._container, self._counts, self._wait = source, container, counts, wait
        self._given = given
        self._stream = container.streams.video[0]
        self._decoder = self._stream.codec_context
        self._decoder.thread_count = 1  # cameras share the cores; and no picture waits in a thread
        self._decoder.options = {"max_pixels": str(_DECODED_PIXELS)}
        self._sampling = Sampling(source.every_s)
        self._fruitless = 0
        self._packets = 0
        self._due = Due(source.every_s)
        self._group = PacketGroup()
        self._last_s = -math.inf  # media time of the last packet, in the order of decoding
        self._newest_s = 0.0  # of the packet that is shown last
        self._farthest_s = 0.0  # of packets that lied about theirs: the length of a file may go by them
        self._shown_s = 0.0  # of the last picture
        self._shift_s = 0.0  # what a file's own times lack since they began anew
        self._first_s: float | None = None
        self._began_s: float | None = None
        self._clock = WallClock(source, container)

    def samples(self) -> Iterator[Sample]:
        """Pictures as they fall due; raises StreamBroken where it cannot go on, ends where a file does."""
        if self._source.offset_s:
            offset_s = self._source.offset_s + begins_s(self._container)
            self._container.seek(round(offset_s * 1e6), backward=True)
        for packet in self._fresh() if self._source.is_stream else self._mended():
            if self._begins_anew(packet):
                yield from self._taken(self._drain(), packet, self._last_s)
                self._go_on(packet)
            now = self._pace(packet)
            if packet.is_keyframe:
                yield from self._note_key(packet, now)
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
                    ended = not packet.size
                    yield packet
                return
            except IndexError:
                self._count_corrupt("damaged list of streams")
                if ended:
                    return
        raise StreamBroken("cannot be read: damaged list of streams")

    def _pictures(self) -> Iterator[Any]:
        """The packets, each with one whole picture."""
        coding = coding_of(self._decoder.name, self._decoder.extradata)
        for packet in whole_pictures(self._demux(), coding, partial(self._count_corrupt, _DAMAGED)):
            self._packets += packet.size > 0
            yield packet

    def _fresh(self) -> Iterator[Any]:
        """The packets of a stream, less those of pictures that an earlier connection gave."""
        if self._given is None:
            yield from self._pictures()
            return
        self._given.connect()
        for packet in self._pictures():
            if not self._given.is_old(packet):
                yield packet
            else:
                self._counts.last_error = _AGAIN

    def _mended(self) -> Iterator[Any]:
        """The packets of a file, with times that damage has put far away set right."""
        starts_s, frame_s = begins_s(self._container), self._frame_length_s()
        return without_damage(self._pictures(), starts_s, frame_s, self._note_leap)

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
        return stamped and self._media_s(packet) < self._last_s - back_s(self._frame_length_s())

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
        shown_s = self._shown(packet, self._media_s(packet))
        self._shift_s += max(self._last_s, self._newest_s) + self._frame_length_s() - shown_s
        self._counts.last_error = "its times begin anew; they were taken as going on"

    def _pace(self, packet: Any) -> float:
        """The time sampling goes by: of receipt for live pictures, else of the file. A replay waits for its moment."""
        media_s = self._media_s(packet)
        self._last_s = max(self._last_s, media_s)
        if packet.size:
            self._newest_s = max(self._newest_s, self._shown(packet, media_s))
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
            return (self._packets - 1) * frame_s if packet.size else self._newest_s + frame_s
        return self._shifted_s(float(stamp * packet.time_base))

    def _shown(self, packet: Any, now: float) -> float:
        """When the picture of a packet is to be shown: after it is decoded, where pictures are reordered."""
        if self._source.is_live or packet.pts is None:
            return now
        return self._shifted_s(float(packet.pts * packet.time_base))

    def _frame_length_s(self) -> float:
        return 1 / float(self._stream.average_rate or 25)

    def _shifted_s(self, own_s: float) -> float:
        return own_s - begins_s(self._container) + self._shift_s

    def _note_key(self, packet: Any, now: float) -> Iterator[Sample]:
        """Judge what is to be decoded from this key frame on; before that changes, the pictures held back until here."""
        t = self._shown(packet, now)
        keys_only = self._sampling.with_key(t).keys_only
        if keys_only != self._sampling.keys_only:
            yield from self._taken(self._drain(), packet, now)
            self._decoder.skip_frame = "NONKEY" if keys_only else "DEFAULT"
        self._sampling = self._sampling.with_key(t)
        self._group.clear()

    def _decode(self, packet: Any, now: float) -> list[Any]:
        """Pictures of a packet. Of key frames alone, each is decoded by itself and only when one is due."""
        self._note_due(packet, now)
        if self._sampling.keys_only:
            if not self._source.is_live:
                self._group.add(packet)
            due = packet.is_keyframe and self._sampling.is_due(self._shown(packet, now))
            return self._decoded(packet, alone=True) if due else self._caught_up(now)
        if self._sampling.key_s is None and self._packets < _KEY_WITHIN:
            return []  # joined in the middle: pictures before a key frame are grey
        return self._decoded(packet)

    def _note_due(self, packet: Any, now: float) -> None:
        if packet.size and not packet.is_discard and self._sampling.key_s is not None:
            self._due = self._due.with_picture(now)

    def _caught_up(self, now: float) -> list[Any]:
        """The pictures of a recording since its last key frame, where the next one does not come in time."""
        if self._source.is_live or not self._sampling.is_overdue(now):
            return []
        self._sampling = replace(self._sampling, keys_only=False)
        self._decoder.skip_frame = "DEFAULT"
        return [frame for held in self._group.take() for frame in self._decoded(held)]

    def _decoded(self, packet: Any, *, alone: bool = False) -> list[Any]:
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
        t = self._time(frame, now)
        if frame.is_corrupt or min(frame.width, frame.height) < _MIN_SIDE:
            self._count_corrupt(_DAMAGED)
            return None
        if not self._sampling.is_due(t):
            return None
        self._sampling = self._sampling.with_taken(t)
        self._counts.taken += 1
        return Sample(to_bgr(frame), self._taken_at(packet, t), time.monotonic())

    def _time(self, frame: Any, now: float) -> float:
        """What sampling goes by. Pictures of a file follow each other, whatever their times are."""
        own_s = shown_at(frame, self._stream.time_base)
        if self._source.is_live or own_s is None:
            return now
        self._shown_s = max(self._shown_s, self._shifted_s(own_s))
        return self._shown_s

    def _count_corrupt(self, message: str) -> None:
        self._counts.corrupt += 1
        self._counts.last_error, self._counts.error_at = message, time.monotonic()

    def _taken_at(self, packet: Any, t: float) -> datetime:
        at, off = self._clock.taken_at(packet, self._media_s(packet) if self._source.is_live else t)
        self._counts.clock_off += off or not self._source.is_live and self._shift_s != 0
        return at

    def _check_whole(self) -> None:
        """Raises StreamBroken for a file that ended early, and a stream, which never ends by itself."""
        length = length_s(self._container)
        if self._source.is_stream:
            raise StreamBroken("ended")
        ends_s = max(self._newest_s, self._farthest_s) + self._frame_length_s()
        if not self._packets or ends_s < length * _CUT_SHARE - 1:
            raise StreamBroken(f"cut off after {self._newest_s:.0f} of {length:.0f} s")
        damaged = self._counts.corrupt + self._counts.errors
        if not self._source.is_live and (missing := self._due.missing(self._counts.taken, damaged)):
            raise StreamBroken(missing)
