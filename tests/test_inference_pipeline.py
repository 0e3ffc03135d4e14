"""Many callers at once get what the single path gives."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from test_inference_inspector import ROWS, SCENES, photo
from tiny_model import build_model_folder

from firewarden.errors import InvalidImage
from firewarden.findings import InspectionContext
from firewarden.inference.batch_plan import BatchPlan
from firewarden.inference.batcher import Abandoned
from firewarden.inference.inspector import open_inspector
from firewarden.inference.pipeline import open_pipeline
from firewarden.inference.tiles import TileSettings

SAMPLE = (Path(__file__).resolve().parents[1] / "inference" / "sample.jpg").read_bytes()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    return build_model_folder(folder, CLASSES, ROWS, scene=(0.9, 0.08, 0.02), scene_names=SCENES)


def wire(result) -> str:
    return json.dumps({**result.to_json(), "timings_ms": sorted(result.timings_ms)})


@pytest.mark.parametrize("tiles", [None, TileSettings()], ids=["one look", "with tiles"])
def test_the_shared_path_gives_the_result_of_the_single_one(tiny, tiles) -> None:
    context = InspectionContext(venue_type="residential_highrise")
    files = [photo(640, 480), photo(480, 640), photo(1600, 1200), photo(640, 480, "PNG")] * 3
    single = open_inspector(tiny, threads=1, tiles=tiles)
    alone = [wire(single.inspect(data, context)) for data in files]
    pipeline = open_pipeline(BatchPlan(streams=4), tiny, threads=1, tiles=tiles)
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(lambda data: wire(pipeline.inspect(data, context)), files))
    pipeline.close()
    assert shared == alone


def test_the_shipped_model_gives_the_same_result_in_a_shared_batch() -> None:
    runs = []
    pipeline = open_pipeline(BatchPlan(max_batch=2, streams=1, max_delay_ms=2000), threads=1)
    pipeline.listen(lambda *run: runs.append(run))
    both_decoded = threading.Barrier(2, timeout=20)
    with ThreadPoolExecutor(2) as pool:
        together = [pool.submit(pipeline.inspect, SAMPLE, on_decoded=both_decoded.wait) for _ in range(2)]
        results = [future.result(30).to_json() for future in together]
    pipeline.close()
    expected = open_inspector(threads=1).inspect(SAMPLE).to_json()
    assert [size for size, _ in runs] == [2, 2]
    for result in results:
        assert (result["verdict"], result["image_sha256"]) == (expected["verdict"], expected["image_sha256"])
        assert [f["hazard"] for f in result["findings"]] == [f["hazard"] for f in expected["findings"]]
        for got, want in zip(result["detections"], expected["detections"], strict=True):
            assert got["class_name"] == want["class_name"]
            assert got["xyxy"] == pytest.approx(want["xyxy"], abs=0.3)
            assert got["confidence"] == pytest.approx(want["confidence"], abs=0.002)


def test_a_caller_that_went_away_stops_before_the_network_and_a_bad_photo_is_never_kept(tiny) -> None:
    runs, kept, gone = [], [], threading.Event()
    pipeline = open_pipeline(BatchPlan(), tiny)
    pipeline.listen(lambda *run: runs.append(run))

    def leave() -> None:
        kept.append("photo")
        gone.set()

    with pytest.raises(Abandoned):
        pipeline.inspect(photo(), on_decoded=leave, cancelled=gone.is_set)
    with pytest.raises(InvalidImage):
        pipeline.inspect(b"\xff\xd8\xff cut off", on_decoded=leave)
    assert (runs, kept) == ([], ["photo"])
    pipeline.inspect(photo())  # the next caller of this thread has not gone away
    assert runs == [(1, 0.0)]
    pipeline.close()


def test_the_warm_up_tells_the_pace(tiny) -> None:
    pipeline = open_pipeline(BatchPlan(streams=2), tiny)
    assert 0 < pipeline.warm_up() < 5
    assert pipeline.photos_at_once == 2
    pipeline.close()
