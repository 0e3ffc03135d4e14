"""The batch benchmark: distinct frames, what is timed and what is not, and the words of its page."""

import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from test_inference_inspector import ROWS, SCENES
from tiny_model import build_model_folder

from firewarden.benchmarks.batch import (
    BatchPlan,
    frames_per_second,
    measure_batch,
    memory_figures,
    rate_between,
)
from firewarden.benchmarks.batch_page import batch_section
from firewarden.benchmarks.batch_process import Event
from firewarden.benchmarks.frames import _shift, read_in_turn, write_frames
from firewarden.benchmarks.photos import Recipe
from firewarden.inference.image import decode_image
from firewarden.models.manifest import load_manifest

SMALL = Recipe("small", (64, 48), 85, 3.0, 1)


def test_frames_have_distinct_pixels_and_are_the_same_in_every_run(tmp_path):
    frames = write_frames(tmp_path / "a", 20, SMALL)
    again = write_frames(tmp_path / "b", 20, SMALL)
    pixels = [decode_image(path.read_bytes()).pixels for path in frames]
    assert {shown.shape for shown in pixels} == {(48, 64, 3)}
    assert len({hashlib.sha256(shown.tobytes()).digest() for shown in pixels}) == 20
    assert [path.read_bytes() for path in frames] == [path.read_bytes() for path in again]
    assert [path.name for path in frames] == sorted(path.name for path in frames)


def test_no_move_comes_twice_before_all_of_them_came():
    assert len({_shift(number, (4, 3)) for number in range(12)}) == 12


def test_samples_go_round(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    samples = read_in_turn(paths, 2)
    assert [b"".join(next(samples)) for _ in range(3)] == [b"ab", b"ca", b"bc"]


def test_every_frame_is_worked_on_once_by_as_many_threads_as_told():
    seen, gate = [], threading.Barrier(2, timeout=30)

    def work(frame: bytes) -> None:
        seen.append(frame)
        if len(seen) <= 2:
            gate.wait()  # passes only if two threads are here at once

    frames = [bytes([number]) for number in range(9)]
    assert frames_per_second(work, frames, 2) > 0
    assert sorted(seen) == frames


def test_a_rate_counts_from_its_first_input_to_its_last():
    events = [Event(at, done, 0.0) for at, done in [(5.0, 1), (7.0, 11), (8.0, 12), (12.0, 31)]]
    assert rate_between(events, 1, 31) == 30 / 7
    assert rate_between(events, 12, 20) == 19 / 4  # the 20th came with the 31st, in one chunk


def test_memory_is_judged_after_the_first_quarter():
    events = [Event(0.0, 1000 * number, 100.0 if number < 2 else 200.0 + number) for number in range(1, 9)]
    figures = memory_figures(events)  # 2,000 of 8,000 are a quarter
    assert (figures["peak_mb"], figures["steady_mb"], figures["last_mb"]) == (208.0, 202.0, 208.0)
    assert figures["mb_per_1000_frames"] == pytest.approx(1.0)
    assert figures["series"][0] == [1000, 100.0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="holds and kills processes by POSIX signals")
def test_a_small_run_tells_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    model = build_model_folder(tmp_path / "tiny", CLASSES, ROWS, scene=(0.9, 0.08, 0.02), scene_names=SCENES)
    told = measure_batch(BatchPlan(frames=24, rounds=2, bare_frames=4), load_manifest(model))
    assert len(told["bare"]["rounds"]) == 3 and len(told["batch"]["rounds"]) == 2
    assert told["resume"]["same"] and told["resume"]["kept"] + told["resume"]["scored_again"] == 24
    assert "ray" not in told
    engine = {"per_second": 2.0, "rounds": [1.0, 3.0], "to_first_s": 4.0}
    told["ray"] = {
        "frames": 600,
        "engines": [{"engine": "local", **engine}, {"engine": "ray", **engine}],
        "ray_of_local": {"value": 0.9, "low": 0.85, "high": 0.95, "rounds": 3},
        "same": False,
    }
    text = "\n".join(batch_section(told))
    assert "| ray | 2.0 | 1.0-3.0 | 4.0 |" in text and "0.90 (0.85-0.95)" in text and "**differ**" in text
    assert "the same set" in text and "0 missing" in text
