"""Recordings of the staged place, and what is asked of them: samples of a file, a run of the command, a metric."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from cctv_stage import Actor, Stage
from video_clips import BEGAN, write

from firewarden.cctv.health import Health
from firewarden.cctv.runner_status import CameraStatus
from firewarden.cctv.stream_address import parse_address
from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_reader import Sample
from firewarden.cctv.video_source import Capture, CaptureState, Source

_REGISTER = """
cameras:
  - {id: cam-1, name: corridor, venue: v, venue_type: office, scene: evacuation_corridor, sample_every_s: 0.5, url: "env:CAM_1"}
"""


def file_source(path: Path, camera_id: str = "cam-1", every_s: float = 1.0) -> Source:
    return Source(camera_id, parse_address(str(path), told="test"), every_s)


def read(path: Path, every_s: float = 1.0) -> tuple[list[Sample], Capture]:
    """Every sample of a file, and its counts."""
    counts, samples = Capture("cam-1"), []
    capture(
        file_source(path, every_s=every_s),
        counts,
        lambda _, sample: samples.append(sample),
        threading.Event(),
    )
    return samples, counts


def seconds(samples: list[Sample]) -> list[float]:
    return [round((sample.at - samples[0].at).total_seconds(), 2) for sample in samples]


def lift_with_ebike(folder: Path) -> Path:
    """Ten minutes of the staged place at one picture in 10 s, an e-bike in it all the time."""
    stage = Stage([Actor("ebike", (0.3, 0.4, 0.6, 0.9))])

    def pictures():
        for stage.now_s in range(0, 600, 10):
            yield stage.draw()

    return write(folder / "lift.mp4", pictures(), fps=1, gop=1, began=BEGAN)


def status() -> CameraStatus:
    """Of a camera that was looked at a hundred times and has nothing wrong."""
    return CameraStatus(
        camera_id="a", state=CaptureState.READING, problems=(), fps=1.0, backlog=0, taken=100, dropped=0, errors=0,
        corrupt=0, clock_off=0, reconnects=0, failures=0, restarts=0, failed_looks=0, health=Health(frames=100),
        last_frame_at=None, last_frame_age_s=None, last_error=None,
    )  # fmt: skip


def metric(text: str, name: str, *labels: str) -> float:
    """The value of the line with this name and all these labels."""
    (line,) = [
        line for line in text.splitlines() if line.startswith(name) and all(label in line for label in labels)
    ]
    return float(line.split()[-1])


def command(tmp_path: Path, *options: str, address: str, **settings) -> subprocess.Popen:
    """`firewarden cctv run` on a register of one camera."""
    register = tmp_path / "cameras.yaml"
    register.write_text(_REGISTER)
    line = [sys.executable, "-P", "-m", "firewarden", "cctv", "run", str(register), *options]
    environment = os.environ | {"CAM_1": address, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )
