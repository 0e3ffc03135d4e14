"""The evaluation page: whole in itself, and its charts, confusion and gallery say what the photos say."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import build_model_folder

from firewarden.cli import app
from firewarden.detections import Detections
from firewarden.inference.detector import Sight
from firewarden.inference.image import Image
from firewarden.inference.inspector import Inspector
from firewarden.inference.rules_file import load_rules
from firewarden.models.manifest import ModelManifest
from firewarden.training.confusion import confusion_matrix
from firewarden.training.evaluate import Evaluation, evaluate_photos
from firewarden.training.report_charts import rate_chart, reliability_chart
from firewarden.training.report_gallery import choose_cut, false_alarms, misses, wrong_hazards
from firewarden.training.report_page import evaluation_page
from firewarden.training.report_tables import heat_table, number, with_interval

RULES = load_rules()
CLASSES = tuple(RULES.class_lines)
DOOR, CARTON, EBIKE = (CLASSES.index(name) for name in ("door", "carton", "ebike"))
MANIFEST = ModelManifest(
    id="written-<down>", folder=Path(), sha256="0" * 64, class_names=CLASSES, input_size=64, stride=32,
    layout="end2end", operating_points={}, default_operating_point=0.25, licence="", dataset_sha256="", git_sha="",
    metrics={}, scene_names=("elevator_car", "outdoor_open"), calibration={"door": 2.0},
)  # fmt: skip


class Seer:
    """Sees a door on the left (0.9), an e-bike on the right (0.5) and a faint one; surely a lift."""

    manifest = MANIFEST

    def see(self, image: Image) -> Sight:
        h, w = image.original_hw
        boxes = np.array([[0, 0, w / 4, h], [w / 2, 0, w, h], [w / 2, 0, w, h / 2]], np.float32)
        confidence = np.array([0.9, 0.5, 0.1], np.float32)
        return Sight(Detections(boxes, confidence, np.array([DOOR, EBIKE, EBIKE])), {"elevator_car": 1.0})


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """`a`: the door and e-bike are there. `b` (composed): a carton where the door is seen, a pram for the e-bike."""
    folder = tmp_path_factory.mktemp("photos")
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for stem in ("a", "b"):
        PillowImage.new("RGB", (200, 100), (90, 120, 150)).save(folder / "images" / f"{stem}.jpg")
    (folder / "labels" / "a.txt").write_text(f"{DOOR} 0.125 0.5 0.25 1\n{EBIKE} 0.75 0.5 0.5 1\n")
    (folder / "labels" / "b.txt").write_text(f"{CARTON} 0.125 0.5 0.25 1\n{CARTON} 0.4 0.5 0.05 0.1\n")
    rows = {
        "a": {"hazards": ["indoor_ebike"], "scene": "elevator_car"},
        "b": {"hazards": [], "origin": "composed", "variant": "pram<>", "hard_negatives": ["pram_indoors"]},
    }
    (folder / "expect.json").write_text(json.dumps(rows))
    return evaluate_photos(Seer(), Inspector(Seer(), RULES), folder, draws=20, command="evaluate <here>")


def test_the_page_is_whole_in_itself(evaluation: Evaluation) -> None:
    page = evaluation_page(evaluation, MANIFEST, RULES)
    assert not re.search(r'(src|href)="(?!data:|#)', page) and "<script" not in page and "url(" not in page
    assert page.count("data:image/jpeg;base64,") >= 3
    for text in (
        "Real photos",
        "Composed photos",
        "written-&lt;down&gt;",
        "evaluate &lt;here&gt;",
        "pram&lt;&gt;",
    ):
        assert text in page
    assert "pram indoors</td><td>indoor_ebike</td><td>1</td><td>1</td>" in page
    assert "No judged hazard told wrong." in page.split('id="composed"')[0]
    assert "routing probability" in page and "do not publish" in page


def test_errors_by_weight(evaluation: Evaluation) -> None:
    composed = [p for p in evaluation.photos if p.listed.origin == "composed"]
    assert [i.caption for i in false_alarms(evaluation.photos, MANIFEST)] == ["door 0.90"]
    assert [i.caption for i in misses(evaluation.photos, MANIFEST)] == ["carton, 25.0% of the picture"]
    assert [i.caption for i in wrong_hazards(composed, MANIFEST)] == ["false indoor_ebike, pram_indoors"]


def test_confusion_counts_every_object_once(evaluation: Evaluation) -> None:
    counts = confusion_matrix(evaluation.photos, MANIFEST)
    nothing = len(CLASSES)
    assert (counts[DOOR, DOOR], counts[EBIKE, EBIKE]) == (1, 1)
    assert (counts[CARTON, DOOR], counts[CARTON, nothing], counts[nothing, EBIKE]) == (1, 1, 1)
    assert counts.sum() == 5


@pytest.mark.parametrize(
    ("focus", "cut"),
    [
        pytest.param(None, (0, 0, 1000, 500), id="the whole photo"),
        pytest.param([0, 0, 400, 100], (0, 0, 1000, 500), id="a large object"),
        pytest.param([500, 200, 600, 300], (350, 50, 750, 450), id="four times a small one"),
        pytest.param([0, 480, 10, 500], (0, 420, 80, 500), id="kept inside at the corner"),
    ],
)
def test_small_objects_are_shown_zoomed_in(focus: list[float] | None, cut: tuple[int, ...]) -> None:
    box = None if focus is None else np.array(focus, np.float32)
    assert choose_cut(box, (500, 1000)) == cut


def test_charts_mark_the_operating_point() -> None:
    """The plot is 182 wide from 30 and 132 high from 8: one half is x = 121, a quarter from the top y = 41."""
    chart = rate_chart(
        [0.2, 0.9], [("recall", [1.0, 0.5], 0.75)], x_name="confidence", mark_x=0.5, title="a<b"
    )
    assert '<path class="mark" d="M121.0 140.0V8.0"/>' in chart
    assert '<circle class="dot recall" cx="121.0" cy="41.0" r="4"/>' in chart
    assert "a&lt;b" in chart and '<path class="line recall" d="M66.4 8.0L193.8 74.0"/>' in chart
    assert rate_chart([], [("recall", [], None)], x_name="x", mark_x=0.0, title="").count("circle") == 0


def test_a_reliability_chart_without_rows_has_the_diagonal_alone() -> None:
    chart = reliability_chart([], [], "t")
    assert "even" in chart and "circle" not in chart


def test_cells() -> None:
    assert (number(None), number(3), number(0.12345)) == ("–", "3", "0.123")
    assert with_interval(0.5, (0.25, 0.75)) == "0.500 <small>[0.25, 0.75]</small>"
    heat = heat_table(np.array([[3, 1], [0, 0]]), ["a<", "b"], ["a<", "b"])
    assert 'class="good" style="--share:0.750">3<' in heat and 'class="bad" style="--share:0.250">1<' in heat
    assert heat.count("<tr>") == 2 and "a&lt;" in heat  # the empty row is left out


def test_the_command_measures_and_writes_the_page(evaluation: Evaluation, tmp_path: Path) -> None:
    """A model that sees one door at the left edge of every photo, through the whole command."""
    model = build_model_folder(tmp_path / "tiny", CLASSES, [[0, 0, 16, 32, 0.9, DOOR]])
    folder = evaluation.photos[0].listed.path.parent.parent
    words = ["evaluate", "--model", str(model), "--data", str(folder), "--json", "--threads", "1"]
    done = CliRunner().invoke(app, [*words, "--report", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    table = json.loads(done.stdout)
    assert table.keys() >= {
        "map50",
        "per_class",
        "per_hazard",
        "origin",
        "by_origin",
        "clean_photos",
        "scene",
    }
    assert table["per_class"]["door"]["map50"] == 1.0  # the real photo's door is just there
    assert table["by_origin"]["composed"]["per_class"]["door"]["n"] == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
