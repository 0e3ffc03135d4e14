"""Tuning: parity refuses what answers otherwise, speeds are worked out by hand, the choice is stored, read and dropped."""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES

from firewarden.detections import Detections
from firewarden.errors import InvalidImage
from firewarden.inference.batch_plan import PLAN_FILE, load_plan
from firewarden.inference.rules import Rules
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.runtime_parity import (
    Answer,
    answer_photos,
    compare_answers,
    fixed_photos,
    operating_points,
    photos_to_compare,
)
from firewarden.inference.session import NetworkOutput, OpenedSession, Signature, open_session
from firewarden.inference.speed import Load, measure_side_by_side, photos_per_second
from firewarden.inference.tune import (
    Bench,
    Candidate,
    Effort,
    best_setting,
    candidate_choices,
    fastest,
    prepare_picture,
    save_tuning,
    stream_counts,
    tune,
)
from firewarden.inference.tune_report import print_tuning
from firewarden.inference.tuned import RUNTIME_FILE, changed_conditions, stored_choice
from firewarden.models.manifest import ModelManifest, load_manifest

pytest.importorskip("onnx", reason="the tiny models are written with onnx: install firewarden[dev]")
from tiny_model import build_model_folder

DOOR, CARTON = CLASSES.index("door"), CLASSES.index("carton")
ROWS = [(8, 4, 40, 44, 0.9, DOOR), (10, 30, 38, 44, 0.8, CARTON), (50, 30, 60, 44, 0.2, DOOR)]
FAST = Effort(rounds=1, seconds=0.0)
INT8 = RuntimeChoice("onnxruntime", "int8")
OPENVINO = RuntimeChoice("openvino")


@pytest.fixture
def manifest(tmp_path: Path) -> ModelManifest:
    return load_manifest(build_model_folder(tmp_path / "tiny", CLASSES, ROWS))


class Changed:
    """A real session whose rows are passed through `change`."""

    def __init__(self, session: OpenedSession, change: Callable[[np.ndarray], np.ndarray]) -> None:
        self._session, self._change = session, change
        self.signature = session.signature

    def run(self, batch: np.ndarray) -> NetworkOutput:
        output = self._session.run(batch)
        return replace(output, rows=self._change(output.rows.copy()))


def shifted(pixels: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: rows + np.array([pixels, 0, pixels, 0, 0, 0], np.float32)


def less_sure(by: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: rows - np.array([0, 0, 0, 0, by, 0], np.float32)


def without_door(rows: np.ndarray) -> np.ndarray:
    return rows[rows[..., 5] != DOOR][None]


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        pytest.param(lambda rows: rows, True, id="the same"),
        pytest.param(shifted(0.05), True, id="a twentieth of an input pixel"),
        pytest.param(shifted(1.0), False, id="one input pixel of 28: IoU 27/29"),
        pytest.param(less_sure(0.015), True, id="0.015 less sure"),
        pytest.param(less_sure(0.03), False, id="0.03 less sure"),
        pytest.param(without_door, False, id="no door at all"),
    ],
)
def test_a_perturbed_session_is_refused(
    manifest: ModelManifest, rules: Rules, change: Callable[[np.ndarray], np.ndarray], passed: bool
) -> None:
    photos = {"square": next(iter(fixed_photos(input_size=64).values()))}
    session = open_session(manifest)
    reference = answer_photos(manifest, session, rules, photos)
    got = answer_photos(manifest, Changed(session, change), rules, photos)
    assert compare_answers(reference, got, operating_points(manifest)).passed is passed


def answer(*rows: tuple[float, ...], findings: tuple[tuple[str, str, str | None], ...] = ()) -> Answer:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Answer(Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64)), findings)


FOUND = (("blocked_exit", "hazard", "elevated"),)


@pytest.mark.parametrize(
    ("reference", "got", "same", "compared", "iou", "gap"),
    [
        pytest.param(
            answer((0, 0, 10, 10, 0.9, 0)), answer((0, 0, 10, 10, 0.9, 0)), True, 2, 1.0, 0.0, id="equal"
        ),
        pytest.param(
            answer((0, 0, 10, 10, 0.9, 0)),
            answer((1, 0, 11, 10, 0.8, 0)),
            True,
            2,
            9 / 11,
            0.1,
            id="moved by 1 of 10",
        ),
        pytest.param(
            answer((0, 0, 10, 10, 0.5, 0)),
            answer((0, 0, 10, 10, 0.49, 0)),
            True,
            1,
            1.0,
            0.01,
            id="at the threshold",
        ),
        pytest.param(
            answer((0, 0, 10, 10, 0.9, 0)), answer((0, 0, 10, 10, 0.9, 1)), True, 2, 0.0, 0.9, id="class"
        ),
        pytest.param(answer(), answer((0, 0, 9, 9, 0.7, 0)), True, 1, 0.0, 0.7, id="one too many"),
        pytest.param(answer((0, 0, 9, 9, 0.4, 0)), answer(), True, 0, 1.0, 0.0, id="below the threshold"),
        pytest.param(answer(findings=FOUND), answer(), False, 0, 1.0, 0.0, id="another finding"),
    ],
)
def test_answers_are_compared(
    reference: Answer, got: Answer, same: bool, compared: int, iou: float, gap: float
) -> None:
    (row,) = compare_answers({"p": reference}, {"p": got}, [0.5, 0.5]).photos
    assert (row.same_findings, row.compared) == (same, compared)
    assert row.worst_iou == pytest.approx(iou, abs=1e-6)
    assert row.largest_gap == pytest.approx(gap, abs=1e-6)


def test_nothing_compared_proves_nothing() -> None:
    assert not compare_answers({"p": answer()}, {"p": answer()}, [0.5]).passed


def test_the_fixed_photos_are_the_same_ones_every_time() -> None:
    first, second = fixed_photos(input_size=64), fixed_photos(input_size=64)
    assert len(first) == 10 and len({image.original_hw for image in first.values()}) > 5
    for name, image in first.items():
        np.testing.assert_array_equal(image.pixels, second[name].pixels)


class Ticking:
    """A session whose run takes `seconds` of its own clock."""

    signature = Signature(("batch", 300, 6), 0)

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now, self.runs = seconds, 0.0, 0

    def clock(self) -> float:
        return self.now

    def run(self, batch: np.ndarray) -> NetworkOutput:
        self.now += self.seconds
        self.runs += 1
        return NetworkOutput(np.zeros((len(batch), 1, 6), np.float32), np.zeros((len(batch), 0), np.float32))


@pytest.mark.parametrize(("batch", "per_second"), [(1, 4.0), (8, 32.0)])
def test_speed_by_hand(batch: int, per_second: float) -> None:
    """Runs of 0.25 s begin at 0, 0.25, 0.5 and 0.75: four within 0.9 s, done after 1 s."""
    session = Ticking(0.25)
    picture = np.zeros((1, 3, 4, 4), np.float32)
    got = photos_per_second(session, picture, Load(1, batch), seconds=0.9, clock=session.clock)
    assert (got, session.runs) == (pytest.approx(per_second), 4)


def test_every_photo_of_a_batch_is_prepared_before_its_run() -> None:
    """Four runs of two photos; each preparation takes a quarter of a second of the clock that each run moves by one."""
    session = Ticking(1.0)

    def prepare() -> None:
        session.now += 0.25

    picture = np.zeros((1, 3, 4, 4), np.float32)
    got = photos_per_second(session, picture, Load(1, 2, prepare), seconds=0, clock=session.clock, runs=4)
    assert (got, session.runs) == (pytest.approx(8 / 6), 4)


def test_trials_take_turns_and_are_warm_before_the_first_round() -> None:
    order: list[str] = []

    class Named(Ticking):
        def __init__(self, name: str) -> None:
            super().__init__(1.0)
            self.name = name

        def run(self, batch: np.ndarray) -> NetworkOutput:
            order.append(self.name)
            return super().run(batch)

    trials = {name: (Named(name), Load()) for name in "ab"}
    measure_side_by_side(trials, np.zeros((1, 3, 4, 4), np.float32), rounds=2, seconds=0.0)
    assert "".join(order) == "aabb" + "ab" + "ab"


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (16, [1, 2, 4, 8, 16])]
)
def test_stream_counts(cores: int, counts: list[int]) -> None:
    assert stream_counts(cores) == counts


@pytest.mark.parametrize(
    ("settings", "best"),
    [
        pytest.param(
            {(1, 1): 20, (2, 1): 30, (2, 2): 31}, (2, 1), id="a batch that gains 3 % is not worth waiting"
        ),
        pytest.param({(2, 1): 98.8, (2, 2): 112.1}, (2, 1), id="nor one that gains 13 % in a busy minute"),
        pytest.param({(1, 1): 20, (2, 1): 30, (2, 2): 40}, (2, 2), id="a batch that gains a third is"),
        pytest.param({(1, 1): 30, (2, 1): 29.5}, (2, 1), id="more streams where it makes no difference"),
    ],
)
def test_best_setting(settings: dict[tuple[int, int], float], best: tuple[int, int]) -> None:
    assert best_setting(settings) == best


@pytest.mark.parametrize(("faster", "chosen"), [(10.4, REFERENCE), (10.6, INT8)])
def test_another_runtime_must_be_five_per_cent_faster(faster: float, chosen: RuntimeChoice) -> None:
    candidates = [Candidate(REFERENCE, "", per_second=10.0), Candidate(INT8, "", per_second=faster)]
    assert fastest(candidates, lambda candidate: candidate.per_second).choice == chosen


def test_candidates_are_what_this_model_and_machine_can_run(manifest: ModelManifest) -> None:
    keys = [choice.key for choice in candidate_choices(manifest, ["CUDAExecutionProvider"])]
    assert keys == ["onnxruntime-fp32", "openvino-fp32", "openvino-bf16", "cuda-fp32"]


def tuned(manifest: ModelManifest, rules: Rules, open_choice: Callable[[RuntimeChoice], OpenedSession]):
    photos = fixed_photos(input_size=64)
    picture = prepare_picture(manifest, photos["sample"])
    bench = Bench(manifest, open_choice, picture, 2, FAST)
    return tune(bench, rules, photos, [REFERENCE, OPENVINO, INT8])


def slow(rows: np.ndarray) -> np.ndarray:
    total = np.zeros(200_000)
    for _ in range(40):
        total += 1.0
    return rows


def test_the_fastest_runtime_that_answers_alike_wins_and_is_kept(
    manifest: ModelManifest, rules: Rules, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The reference is slowed down; a quick one answers otherwise and a quick one alike."""
    real = open_session(manifest)
    sessions = {REFERENCE.key: Changed(real, slow), OPENVINO.key: Changed(real, shifted(2.0)), INT8.key: real}
    tuning = tune_with(manifest, rules, sessions)
    refused = {candidate.choice.key: candidate.refused for candidate in tuning.candidates}
    assert refused[REFERENCE.key] == refused[INT8.key] == ""
    assert "worst IoU" in refused[OPENVINO.key]
    assert tuning.serve.key == tuning.inspect.key == INT8.key

    path = save_tuning(tmp_path, tuning)
    assert path.name == RUNTIME_FILE
    assert load_plan(tmp_path / PLAN_FILE) == tuning.plan
    assert stored_choice(tmp_path, manifest, "serve") == tuning.serve
    assert stored_choice(tmp_path, manifest, "inspect") == tuning.inspect

    with caplog.at_level(logging.WARNING):
        assert stored_choice(tmp_path, replace(manifest, sha256="f" * 64), "serve") is None
    assert f"model is {'f' * 64}, was {manifest.sha256}" in caplog.text


def tune_with(manifest: ModelManifest, rules: Rules, sessions: dict[str, OpenedSession]):
    return tuned(manifest, rules, lambda choice: sessions[choice.key])


def test_a_runtime_that_does_not_open_is_refused_with_its_reason(
    manifest: ModelManifest, rules: Rules
) -> None:
    real = open_session(manifest)

    def open_choice(choice: RuntimeChoice) -> OpenedSession:
        return real if choice.key == REFERENCE.key else open_session(manifest, runtime=INT8)

    tuning = tuned(manifest, rules, open_choice)
    assert [bool(candidate.refused) for candidate in tuning.candidates] == [False, True, True]
    assert "firewarden quantise" in tuning.candidates[1].refused
    assert tuning.serve.key == REFERENCE.key


class Failing(Changed):
    """A session of free batches (the first photo is run) that fails after `after` runs, and on more than `most` photos."""

    def __init__(self, session: OpenedSession, after: int = 1000, most: int = 8) -> None:
        super().__init__(session, lambda rows: rows)
        self._left, self._most = after, most
        self.signature = replace(session.signature, row_shape=("batch", *session.signature.row_shape[1:]))

    def run(self, batch: np.ndarray) -> NetworkOutput:
        self._left -= 1
        if self._left < 0 or len(batch) > self._most:
            raise RuntimeError("out of memory")
        return super().run(batch[:1])


@pytest.mark.parametrize(
    "after", [pytest.param(0, id="at the first photo"), pytest.param(12, id="while it is measured")]
)
def test_a_runtime_that_opens_but_fails_is_refused_with_its_reason(
    manifest: ModelManifest, rules: Rules, after: int
) -> None:
    """It answers the ten photos of the comparison and two runs, then none; whatever thread it fails in."""
    real = open_session(manifest)
    failing = Failing(real, after)
    tuning = tune_with(manifest, rules, {REFERENCE.key: real, OPENVINO.key: failing, INT8.key: real})
    told = {candidate.choice.key: candidate for candidate in tuning.candidates}
    assert told[OPENVINO.key].refused == "it failed: RuntimeError: out of memory"
    assert told[OPENVINO.key].per_second == told[OPENVINO.key].all_cores_ms == 0
    assert told[REFERENCE.key].refused == told[INT8.key].refused == ""
    assert told[INT8.key].per_second > 0 and tuning.serve.key != OPENVINO.key


def test_a_reference_that_fails_is_told_as_it_is(manifest: ModelManifest, rules: Rules) -> None:
    real = open_session(manifest)
    for after in (0, 12):
        sessions = {REFERENCE.key: Failing(real, after), OPENVINO.key: real, INT8.key: real}
        with pytest.raises(RuntimeError, match="out of memory"):
            tune_with(manifest, rules, sessions)


def test_a_batch_that_fails_is_no_setting(manifest: ModelManifest, rules: Rules) -> None:
    sessions = {
        key: Failing(open_session(manifest), most=2) for key in (REFERENCE.key, OPENVINO.key, INT8.key)
    }
    assert {batch for _, batch in tune_with(manifest, rules, sessions).settings} == {1, 2}


def test_a_speed_of_nothing_is_refused_not_divided_by(
    manifest: ModelManifest, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(trials: dict[str, Any], *_: Any, **__: Any) -> dict[str, float]:
        return {name: 0.0 if name.startswith(OPENVINO.key) else 10.0 for name in trials}

    monkeypatch.setattr("firewarden.inference.tune.measure_side_by_side", measured)
    real = open_session(manifest)
    tuning = tune_with(manifest, rules, dict.fromkeys((REFERENCE.key, OPENVINO.key, INT8.key), real))
    assert ["answered no photo" in candidate.refused for candidate in tuning.candidates] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("streams", [1, 2])
def test_what_a_measuring_thread_raises_reaches_the_caller(manifest: ModelManifest, streams: int) -> None:
    picture = np.zeros((1, 3, 64, 64), np.float32)
    with pytest.raises(RuntimeError, match="out of memory"):
        photos_per_second(Failing(open_session(manifest), 3), picture, Load(streams), seconds=5.0)


def test_photos_of_one_name_in_two_folders_are_two_photos(manifest: ModelManifest, tmp_path: Path) -> None:
    from firewarden.inference.doctor import sample_photo

    for part in ("a", "b"):
        (tmp_path / "photos" / part).mkdir(parents=True)
        (tmp_path / "photos" / part / "IMG_1.jpg").write_bytes(sample_photo())
    folder = tmp_path / "photos"
    compared = photos_to_compare(manifest, folder)
    assert set(compared) - set(fixed_photos(input_size=64)) == {"a/IMG_1.jpg", "b/IMG_1.jpg"}
    one = folder / "a" / "IMG_1.jpg"
    assert "IMG_1.jpg" in photos_to_compare(manifest, one)
    (folder / "b" / "cut.jpg").write_bytes(sample_photo()[:5000])
    with pytest.raises(InvalidImage, match=r"^b/cut\.jpg: "):
        photos_to_compare(manifest, folder)


def test_a_runtime_that_is_not_installed_is_told_with_its_whole_cure(
    manifest: ModelManifest, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra in square brackets is printed as it is, and nobody is sent to the command that runs."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    tuning = tuned(manifest, rules, lambda choice: open_session(manifest, runtime=choice))
    rows = {candidate.choice.key: candidate.to_json() for candidate in tuning.candidates}
    assert [rows[key.key]["installed"] for key in (REFERENCE, OPENVINO, INT8)] == [True, False, True]
    printed = StringIO()
    print_tuning(Console(file=printed, width=72), tuning, Path("data [old]/runtime.json"))
    lines = printed.getvalue().splitlines()
    assert "openvino-fp32 not installed: pip install -e '.[openvino]' in the checkout" in lines
    (row,) = [line for line in lines if line.startswith("openvino-fp32 ") and "pip" not in line]
    assert row.endswith("not installed") and "refused" not in row
    assert any(line.startswith("onnxruntime-int8 refused: ") for line in lines)
    assert lines[-1].endswith("stored in data [old]/runtime.json")


@pytest.mark.parametrize("text", ["", "[]", '{"serve": {}}', "{"])
def test_a_damaged_file_is_not_used(
    manifest: ModelManifest, tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / RUNTIME_FILE).write_text(text)
    with caplog.at_level(logging.WARNING):
        assert stored_choice(tmp_path, manifest, "serve") is None
    assert "doctor --tune" in caplog.text


def test_changed_conditions_are_told() -> None:
    then, now = {"cpu": "A", "cores": 2, "gone": 1}, {"cpu": "B", "cores": 2, "new": 3}
    assert changed_conditions(then, now) == ["cpu is B, was A", "new is 3, was None", "gone is None, was 1"]


def test_serve_and_inspect_use_the_stored_choice(
    manifest: ModelManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The int8 artefact is another tiny network that sees nothing, so a photo without findings shows that it ran."""
    from test_inference_runtimes import with_artefact
    from typer.testing import CliRunner

    from firewarden.api.serve import build_inspector
    from firewarden.api.settings import Settings
    from firewarden.cli import app
    from firewarden.inference.doctor import sample_photo
    from firewarden.inference.tuned import Tuned, conditions_of, save_tuned

    both = with_artefact(manifest, [(0, 0, 1, 1, 0.0, 0)], tmp_path)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(sample_photo())
    monkeypatch.setenv("FIREWARDEN_DATA_DIR", str(tmp_path))
    settings = Settings(data_dir=tmp_path, model=str(both.folder), auth=False)

    def seen() -> list[int]:
        inspector = build_inspector(settings)
        served = len(inspector.inspect(photo.read_bytes()).detections)
        inspector.close()
        told = CliRunner().invoke(app, ["inspect", "--json", "--model", str(both.folder), str(photo)])
        return [served, len(json.loads(told.stdout)["detections"])]

    assert seen() == [2, 2]
    choice = RuntimeChoice("onnxruntime", "int8", threads=1, streams=2)
    save_tuned(tmp_path, Tuned(choice, choice, conditions_of(both), {}))
    assert seen() == [0, 0]
