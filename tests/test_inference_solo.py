"""A photo that comes alone gets all cores; any other, and one after a run that was no quicker, does not."""

import threading

import numpy as np
import pytest

from firewarden.errors import HazardError
from firewarden.inference import solo as module
from firewarden.inference.batch_plan import BatchPlan
from firewarden.inference.batcher import Batcher
from firewarden.inference.pipeline import open_pipeline
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import NetworkOutput, open_session
from firewarden.inference.solo import SoloSession, open_solo
from firewarden.models.registry import find_manifest

ONE_BY_ONE = BatchPlan(streams=2)
PHOTO = np.zeros((1, 3, 10, 20), np.float32)  # 200 pixels


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Named:
    """A session that answers with its number and takes its time on a clock."""

    def __init__(self, number: float, clock: Clock, takes_s: float = 0.0) -> None:
        self.number, self.clock, self.takes_s = number, clock, takes_s

    def run(self, batch):
        self.clock.now_s += self.takes_s
        return NetworkOutput(
            np.full((len(batch), 1, 6), self.number, np.float32), np.empty((len(batch), 0), np.float32)
        )


def ran(output: NetworkOutput) -> float:
    return float(output.rows[0, 0, 0])


@pytest.mark.parametrize(
    ("shape", "took_s", "rests"),
    [
        pytest.param((1, 3, 10, 20), 0.9, False, id="quicker than the usual second"),
        pytest.param((1, 3, 10, 20), 1.1, True, id="slower"),
        pytest.param((1, 3, 20, 20), 1.9, False, id="twice the pixels: two seconds are usual"),
        pytest.param((1, 3, 10, 10), 0.6, True, id="half the pixels: half a second is usual"),
    ],
)
def test_it_rests_ten_seconds_after_a_run_that_was_no_quicker(shape, took_s, rests) -> None:
    clock = Clock()
    solo = SoloSession(Named(1, clock, took_s), usual_s=1.0, usual_pixels=200, clock=clock)
    solo.run(np.zeros(shape, np.float32))
    assert solo.is_rested is not rests
    clock.now_s += 10.01
    assert solo.is_rested


def batcher_with_solo(clock: Clock, plan: BatchPlan = ONE_BY_ONE) -> Batcher:
    batcher = Batcher(Named(0, clock), plan, clock=clock)
    batcher.solo = SoloSession(Named(1, clock), usual_s=1.0, usual_pixels=200, clock=clock)
    return batcher


@pytest.mark.parametrize("plan", [ONE_BY_ONE, BatchPlan(2, 1, 0.0)], ids=["one by one", "batches"])
def test_a_photo_that_comes_alone_gets_it(plan: BatchPlan) -> None:
    batcher = batcher_with_solo(Clock(), plan)
    with batcher.photo():
        assert ran(batcher.run(PHOTO)) == 1
    batcher.close()


def test_photos_beside_each_other_do_not_nor_the_next_one_within_a_quarter_of_a_second() -> None:
    clock = Clock()
    batcher = batcher_with_solo(clock)
    other_is_here, may_go = threading.Event(), threading.Event()

    def stay() -> None:
        with batcher.photo():
            other_is_here.set()
            may_go.wait(10)

    other = threading.Thread(target=stay)
    other.start()
    assert other_is_here.wait(10)
    with batcher.photo():
        assert ran(batcher.run(PHOTO)) == 0
        may_go.set()
        other.join()
        assert ran(batcher.run(PHOTO)) == 0  # alone now, but not for long
        clock.now_s += 0.26
        assert ran(batcher.run(PHOTO)) == 1


def test_a_resting_one_is_not_used() -> None:
    clock = Clock()
    batcher = batcher_with_solo(clock)
    batcher.solo = SoloSession(Named(1, clock, takes_s=2.0), usual_s=1.0, usual_pixels=200, clock=clock)
    with batcher.photo():
        assert [ran(batcher.run(PHOTO)) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    ("choice", "threads"),
    [
        pytest.param(RuntimeChoice(threads=2), 2, id="no wider"),
        pytest.param(RuntimeChoice(threads=None), 2, id="all cores already"),
        pytest.param(RuntimeChoice("cuda", threads=1), 2, id="a GPU"),
    ],
)
def test_there_is_none_where_it_would_not_help(choice: RuntimeChoice, threads: int) -> None:
    assert open_solo(find_manifest(), choice, threads, usual_s=1.0) is None


def test_where_it_cannot_be_opened_the_service_goes_on_without(monkeypatch, caplog) -> None:
    def refuse(*_: object) -> None:
        raise HazardError("no memory left")

    monkeypatch.setattr(module, "_open", refuse)
    assert open_solo(find_manifest(), RuntimeChoice(threads=1), 2, usual_s=1.0) is None
    assert "no memory left" in caplog.text


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_shipped_model_answers_the_same_on_two_threads(runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="install firewarden[openvino]")
    manifest, choice = find_manifest(), RuntimeChoice(runtime, threads=1)
    photo = np.random.default_rng(3).random((1, 3, 640, 480), np.float32)
    solo = open_solo(manifest, choice, 2, usual_s=60.0)
    assert solo is not None
    got, usual = solo.run(photo), open_session(manifest, runtime=choice).run(photo)
    np.testing.assert_allclose(got.rows[0, :20], usual.rows[0, :20], atol=2e-3)
    np.testing.assert_allclose(got.scene, usual.scene, atol=1e-4)


def test_a_pipeline_opens_it_once_after_its_warm_up() -> None:
    pipeline = open_pipeline(BatchPlan(streams=2), threads=1, solo_threads=2)
    pace_s = pipeline.warm_up()
    assert pipeline.warm_up() == pace_s
    pipeline.close()  # waits for the opening
    assert isinstance(pipeline._batcher.solo, SoloSession)
