"""A capture process: a thread for each of its cameras, one pipe to the parent. A fault in a decoder ends this process
and no other."""

import os
import signal
import threading
from multiprocessing.connection import Connection

from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_messages import send_picture, widen
from firewarden.cctv.video_outbox import Outbox
from firewarden.cctv.video_source import Capture, Source

_LOOK_S = 0.2


def run_child(sources: tuple[Source, ...], pictures: Connection, control: Connection) -> None:
    """Capture until the parent speaks or is gone, or all files have ended. Ends the process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides: a terminal signals all its processes
        signal.signal(number, signal.SIG_IGN)
    counts = {source.camera_id: Capture(source.camera_id) for source in sources}
    outbox, stop = Outbox(counts), threading.Event()
    threads = [
        threading.Thread(target=capture, args=(s, counts[s.camera_id], outbox.post, stop), daemon=True)
        for s in sources
    ]
    sender = threading.Thread(target=_send, args=(outbox, pictures), daemon=True)
    for thread in (*threads, sender):
        thread.start()
    while sender.is_alive() and not control.poll(_LOOK_S):
        if not any(thread.is_alive() for thread in threads):
            outbox.close()
            sender.join(_LOOK_S)
    os._exit(0)  # threads may hang in a decoder


def _send(outbox: Outbox, pictures: Connection) -> None:
    widen(pictures)
    try:
        outbox.send_all(
            lambda picture, sample: send_picture(pictures, picture, sample.pixels),
            lambda beat: pictures.send(beat),
        )
    except OSError:  # the parent is gone
        return
