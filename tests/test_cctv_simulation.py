"""A day before one camera in a quiet corridor, played fast: what is found, how often, and at what cost. The pictures of a
rehearsal."""

import shutil
from pathlib import Path

import pytest

from firewarden.benchmarks.cctv_day import DAY_S, EVERY_S, play_day
from firewarden.errors import DatasetError

SAMPLE = Path(__file__).parents[1] / "inference" / "sample.jpg"


def test_a_day_with_twenty_things_left_in_a_corridor(rules):
    day = play_day(1, rules)
    assert day.staged == 20
    assert len(set(day.found)) >= 0.95 * day.staged
    assert len(day.found) == len(set(day.found)), "one event for each happening"
    assert day.false == 0  # 0.2 a day leave none for one day
    assert day.frames == DAY_S / EVERY_S
    assert day.looks <= 0.2 * day.frames


def test_pictures_for_a_rehearsal_are_those_that_can_be_read(tmp_path, caplog):
    clips = pytest.importorskip("firewarden.cctv.simulate_clips", reason="needs PyAV")
    (tmp_path / "a.jpg").write_bytes(b"text")
    (tmp_path / "b.jpg").write_bytes(SAMPLE.read_bytes()[:2000])
    (tmp_path / "._c.jpg").write_bytes(b"macOS")
    shutil.copy(SAMPLE, tmp_path / "c.jpg")
    assert [still.shape for still in clips.still_pictures(tmp_path, (64, 48), 3)] == [(48, 64, 3)]
    assert "a.jpg" in caplog.text and "._c.jpg" not in caplog.text, (
        "what macOS keeps beside a file is no picture"
    )
    for no_folder in (tmp_path / "gone", tmp_path / "c.jpg"):
        with pytest.raises(DatasetError, match="no such folder"):
            clips.still_pictures(no_folder, (64, 48), 3)
