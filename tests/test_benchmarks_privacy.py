"""Coverage of heads: the arithmetic by hand, the boxed heads, and the page against its result file."""

import os
from pathlib import Path

import numpy as np
import pytest

from firewarden.benchmarks.privacy import (
    HEADS,
    USED,
    Softened,
    count_softened,
    covered_share,
    load_heads,
    measure_privacy,
)
from firewarden.benchmarks.privacy_page import privacy_blocks
from firewarden.benchmarks.readme_tables import with_blocks
from firewarden.benchmarks.results import load_results
from firewarden.benchmarks.stats import share_of
from firewarden.datasets.labels import LabelRows
from firewarden.errors import DatasetError
from firewarden.inference.inspector import open_inspector
from firewarden.models.registry import find_manifest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("FIREWARDEN_SHARED_DATA", ROOT.parent / "shared" / "data")) / "real"


def regions(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("found", "share"),
    [
        pytest.param([], 0, id="nothing found"),
        pytest.param([(0, 0, 100, 100)], 1, id="all of it"),
        pytest.param([(10, 10, 20, 30)], 0.5, id="the left half"),
        pytest.param([(10, 10, 20, 20), (10, 10, 20, 20)], 0.25, id="twice the same quarter counts once"),
        pytest.param([(10, 10, 20, 30), (15, 10, 30, 20)], 0.75, id="overlapping parts count once"),
        pytest.param([(-50, -50, 5, 5), (40, 40, 60, 60)], 0, id="beside it"),
    ],
)
def test_covered_share_of_a_box_from_10_10_to_30_30(found, share):
    assert covered_share((10, 10, 30, 30), regions(*found)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # z = 1.96: 1 / (1 + z2 / n) for all of n, by hand z2 = 3.8416
        pytest.param(10, 10, 10 / 13.8416, 1, id="all of ten"),
        pytest.param(0, 10, 0, 3.8416 / 13.8416, id="none of ten"),
        pytest.param(5, 10, 0.2366, 0.7634, id="half of ten"),
    ],
)
def test_wilson_interval(hits, n, low, high):
    share = share_of(hits, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-4)


def test_no_share_of_nothing():
    assert share_of(0, 0).to_json() == {"hits": 0, "n": 0, "value": None, "low": None, "high": None}


def test_boxed_heads_lie_in_their_pictures():
    heads = load_heads()
    rows = [head for found in heads.values() for head in found]
    assert len(heads) > 100 and len(rows) > 130
    for head in rows:
        x0, y0, x1, y1 = head.box
        assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 and head.face in ("full", "part", "none")


def test_a_folder_without_those_photos_is_refused(tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "file,split,source,licence,place_group,scene\nimages/a.jpg,val,s,l,p,lobby\n"
    )
    with pytest.raises(DatasetError, match="none of the"):
        measure_privacy(tmp_path, open_inspector(find_manifest().folder), lambda text: None)


def test_measuring_two_photos():
    if not (DATA / "manifest.csv").exists():
        pytest.skip(f"no photos at {DATA}: set FIREWARDEN_SHARED_DATA")
    told = measure_privacy(
        DATA, open_inspector(find_manifest().folder, threads=1), lambda text: None, limit=2
    )
    assert told["photos"] == {"with_heads": 2, "without_people": 2}
    ways = {row["way"] for row in told["rows"]}
    assert HEADS in ways
    for detector in (
        "CenterFace",
        "libfacedetection",
    ):  # each was run or says why not, and one can tell where it is used
        assert (detector in ways) != (detector in told["not_run"]) and f"{detector} + {HEADS}" in USED
    assert all(row["needless_photos"]["n"] == 2 for row in told["rows"])


@pytest.mark.parametrize(
    ("found", "whole", "zone"),
    [
        # the vehicle: 100..300 by 100..200; its zone: the lower 60 px
        pytest.param((0, 0, 400, 400), True, True, id="all of it"),
        pytest.param((100, 140, 300, 200), False, True, id="the zone alone"),
        pytest.param((100, 100, 300, 150), False, False, id="the upper half"),
        pytest.param((100, 120, 300, 200), True, True, id="80 per cent and the zone"),
        pytest.param((350, 0, 400, 400), False, False, id="beside it"),
    ],
)
def test_softened_vehicles(found, whole, zone):
    labels = LabelRows(np.array([1]), np.array([[0.5, 0.375, 0.5, 0.25]]))  # of 400 x 400
    softened = Softened()
    count_softened(softened, regions(found), (400, 400), labels, ("person", "ebike"))
    assert (softened.whole["ebike"], softened.zone["ebike"]) == ([whole], [zone])
    assert softened.needless == []


def test_what_is_softened_in_a_photo_without_vehicles_is_needless():
    softened = Softened()
    none = LabelRows(np.empty(0, np.int64), np.empty((0, 4)))
    count_softened(softened, regions((0, 0, 40, 100)), (100, 100), none, ("person", "ebike"))
    assert softened.needless == [pytest.approx(0.4)]


def test_the_page_names_what_is_used_and_what_did_not_run():
    told = load_results(ROOT / "benchmarks" / "results")["privacy"]
    rows = [row for row in told["rows"] if "CenterFace" not in row["way"]]
    page = privacy_blocks({**told, "rows": rows, "not_run": {"CenterFace": "absent"}})["recall"]
    assert page.count("| CenterFace | not run: absent | - | - |") == 3
    assert page.count("**libfacedetection + heads of persons** (base installation)") == 3


def test_what_is_said_of_centerface_holds_in_the_record():
    told = load_results(ROOT / "benchmarks" / "results")["privacy"]
    area = {row["way"]: row["needless_area"] for row in told["rows"]}
    text = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert "it blurs less than a tenth of the area that libfacedetection does" in text
    assert area["CenterFace"] < area["libfacedetection"] / 10
    assert 1.5 < told["cpu_ms"]["CenterFace"] / told["cpu_ms"]["libfacedetection"] < 2.5  # "twice"


def test_the_page_is_what_the_result_file_says():
    text = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    told = load_results(ROOT / "benchmarks" / "results")["privacy"]
    assert with_blocks(text, privacy_blocks(told)) == text
