"""One camera in a capture process: open, read, wait, open again, for as long as the process lives."""

import threading
from collections.abc import Callable
from dataclasses import replace

from firewarden.cctv.stream_address import Transport
from firewarden.cctv.stream_backoff import Backoff
from firewarden.cctv.stream_broken import StreamBroken
from firewarden.cctv.video_frames import Sample
from firewarden.cctv.video_given import Given
from firewarden.cctv.video_reader import opened
from firewarden.cctv.video_source import Capture, CaptureState, Source

Post = Callable[[Source, Sample], None]


def capture(source: Source, counts: Capture, post: Post, stop: threading.Event) -> None:
    """Hand over samples until `stop`, or until a file has ended. Whatever breaks is counted, told and tried again."""
    backoff, given = Backoff(), Given() if source.address.transport is Transport.HTTP else None
    stop.wait(source.phase_s)
    while not stop.is_set():
        broke = _read(source, counts, post, stop, backoff, given)
        if not source.is_live:
            counts.state = CaptureState.FAILED if broke else CaptureState.FINISHED
            return
        source = replace(source, offset_s=0.0)
        if broke:
            counts.state = CaptureState.WAITING
            stop.wait(backoff.next_s(refused=broke.refused))


def _read(
    source: Source,
    counts: Capture,
    post: Post,
    stop: threading.Event,
    backoff: Backoff,
    given: Given | None,
) -> StreamBroken | None:
    """Once through a file or connection; what ended it too early, if anything did."""
    counts.state = CaptureState.CONNECTING
    try:
        with opened(source, counts, lambda seconds: stop.wait(max(0.0, seconds)), given) as reader:
            counts.state = CaptureState.READING
            counts.opened += not source.replay or not counts.opened
            for sample in reader.samples():
                backoff.reset()
                post(source, sample)
                if stop.is_set():
                    break
        return None
    except StreamBroken as error:
        broke = error
    except Exception as error:  # noqa: BLE001 - one camera must not take the others along; the text may hold an address
        broke = StreamBroken(f"internal error: {type(error).__name__}; report it")
    counts.failures += counts.state is CaptureState.CONNECTING
    counts.last_error = str(broke)
    return broke
