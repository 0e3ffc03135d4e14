"""What a rendered picture is expected to raise, how a run is planned, written and continued. No Blender."""

import json
from dataclasses import replace

import numpy as np
import pytest

from firewarden.datasets.labels import read_classes, read_labels
from firewarden.datasets.manifest import read_manifest, shared_places
from firewarden.datasets.synth import run
from firewarden.datasets.synth.camera import look_at
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.outcome import (
    cable_rows,
    expected_codes,
    see_cables,
    see_instances,
    zone_facts,
)
from firewarden.datasets.synth.picture_files import (
    CLASSES,
    expect_row,
    is_finished,
    label_table,
    manifest_row,
    prepare_folder,
    write_picture,
    write_tables,
)
from firewarden.datasets.synth.plan import plan_tasks
from firewarden.datasets.synth.scenes import SCENES
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.errors import DatasetError


class Thing:
    """Stands for a Blender object: only its pass index matters here."""

    pass_index = 0


@pytest.fixture
def stage() -> Stage:
    """A camera at the origin, 90 degrees over 200 px, looking along y."""
    return Stage(camera=look_at((0, 0, 0), (0, 1, 0), (200, 150), fov_deg=90), rule_scene="exit_door_area")


def mask_of(**boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((150, 200), np.int32)
    for name, (x0, y0, x1, y1) in boxes.items():
        mask[y0:y1, x0:x1] = int(name.removeprefix("n"))
    return mask


def test_labels_number_instances_and_their_objects(stage):
    things = [Thing(), Thing()]
    assert stage.label("door", things) == 1
    assert stage.label("carton", [Thing()]) == 2
    assert [thing.pass_index for thing in things] == [1, 1]


def test_little_seen_small_and_doubtful_objects_are_ignored(stage):
    for name, ignored in (("door", False), ("carton", False), ("extinguisher", False), ("door", True)):
        stage.label(name, [Thing()], ignored=ignored)
    mask = mask_of(n1=(0, 0, 40, 60), n2=(50, 0, 90, 40), n3=(100, 0, 102, 40), n4=(120, 0, 180, 100))
    seen = see_instances(stage, mask, {1: 2400, 2: 16000, 3: 80})
    assert [(s.number, s.visible, s.ignored) for s in seen] == [
        (1, 1.0, False),
        (2, 0.1, True),  # a tenth of it
        (3, 1.0, True),  # 2 px wide
        (4, 1.0, True),  # the maker says so
    ]


def expectation_case(stage, mask, whole):
    return expected_codes(stage, see_instances(stage, mask, whole), see_cables(stage, mask))


def test_a_hazard_needs_all_its_evidence_in_sight(stage):
    door, carton = stage.label("door", [Thing()]), stage.label("carton", [Thing()])
    stage.hazard("blocked_exit", [door, carton])
    both = mask_of(n1=(0, 0, 40, 60), n2=(50, 0, 90, 40))
    assert expectation_case(stage, both, {}) == (["blocked_exit"], [], [])
    assert expectation_case(stage, both, {2: 16000}) == ([], ["blocked_exit"], [])  # the carton mostly hidden
    assert expectation_case(stage, mask_of(), {}) == ([], [], [])


def test_a_missing_extinguisher_needs_its_place_in_the_frame(stage):
    sign = stage.label("extinguisher_sign", [Thing()])
    stage.hazard("missing_extinguisher", [sign], [(0.5, 2.0, -0.5)])
    assert expectation_case(stage, mask_of(n1=(0, 0, 20, 20)), {})[0] == ["missing_extinguisher"]
    stage.hazard("missing_extinguisher", [sign])  # a second place, wholly in view, decides
    stage.expectations = stage.expectations[:1]
    stage.expectations[0] = type(stage.expectations[0])("missing_extinguisher", (sign,), ((0, 2, -9.0),))
    assert expectation_case(stage, mask_of(n1=(0, 0, 20, 20)), {}) == ([], ["missing_extinguisher"], [])


def test_goods_too_small_to_matter_are_optional_and_negatives_need_sight(stage):
    bag = stage.label("clutter", [Thing()])
    stage.hazard("corridor_clutter", [bag], min_area=0.02)  # of 30,000 px: 600
    stage.hard_negative("goods_beside_door", [bag])
    assert expectation_case(stage, mask_of(n1=(0, 0, 30, 21)), {}) == (
        ["corridor_clutter"],
        [],
        ["goods_beside_door"],
    )
    assert expectation_case(stage, mask_of(n1=(0, 0, 30, 19)), {})[:2] == ([], ["corridor_clutter"])
    assert expectation_case(stage, mask_of(n1=(0, 0, 30, 21)), {1: 99999})[2] == []


def test_a_cord_is_seen_from_its_source_to_its_sink(stage):
    number = stage.cable([(-0.5, 2, 0.25), (0.5, 2, -0.25)], Thing(), "power", "above", "vehicle")
    stage.hazard("flying_charging_cable", [number])
    mask = mask_of()
    for k in range(51):  # 100 px a metre at 1 m: from (75, 62.5) to (125, 87.5)
        mask[62 + k // 2, 75 + k] = number
    (seen,) = see_cables(stage, mask)
    (path,) = seen.paths
    assert path[0] == pytest.approx([75, 62.5]) and path[-1] == pytest.approx([125, 87.5])
    ((row),) = cable_rows([seen], (200, 150))
    assert (row["source"], row["sink"]) == ("above", "vehicle")
    assert expectation_case(stage, mask, {}) == (["flying_charging_cable"], [], [])
    assert expectation_case(stage, mask_of(), {}) == ([], [], [])


def test_a_cord_seen_in_parts_is_one_row_a_part_whose_inner_ends_are_hidden(stage):
    """Of 51 px the middle 17 are hidden; then the part at the source is too short to be one, and its end is hidden, too."""
    number = stage.cable([(-0.5, 2, 0.25), (0.5, 2, -0.25)], Thing(), "power", "above", "vehicle")
    mask = mask_of()
    for k in [*range(17), *range(34, 51)]:
        mask[62 + k // 2, 75 + k] = number
    rows = cable_rows(see_cables(stage, mask), (200, 150))
    assert [(row["source"], row["sink"]) for row in rows] == [("above", "hidden"), ("hidden", "vehicle")]
    assert rows[0]["points"][0] == pytest.approx([75 / 200, 62.5 / 150], abs=1e-3)
    assert rows[1]["points"][-1] == pytest.approx([125 / 200, 87.5 / 150], abs=1e-3)
    (seen,) = see_cables(stage, mask)
    (one,) = cable_rows([replace(seen, paths=seen.paths[1:], from_source=False)], (200, 150))
    assert (one["source"], one["sink"]) == ("hidden", "vehicle")


def test_an_unknown_cable_kind_is_refused(stage):
    with pytest.raises(ValueError, match="wire"):
        stage.cable([(0, 0, 0), (1, 0, 0)], Thing(), "wire", "above", "none")


def test_zone_facts_count_what_stands_not_what_is_reserved(stage):
    stage.zone(Footprint(0, 0, 1.0, 1.2), 1, is_exit=True)
    stage.claim(Footprint(0, 0, 1, 1))
    stage.standing.append(Footprint(0.25, 0, 0.5, 1.2))
    (facts,) = zone_facts(stage)
    assert facts["covered"] == pytest.approx(0.5, abs=0.01)
    assert facts["free_width_m"] == pytest.approx(0.5, abs=0.02)


def test_a_longer_plan_begins_like_a_shorter_one_and_never_parts_a_pair():
    short, long = (
        plan_tasks(["corridor", "lift_car"], 20, 1, 2),
        plan_tasks(["corridor", "lift_car"], 60, 1, 2),
    )
    assert long[:20] == short
    assert len({task.stem for task in long}) == 60
    for a, b in zip(long[::2], long[1::2], strict=True):
        assert (a.place, a.split, a.variant.axis) == (b.place, b.split, b.variant.axis)
        assert a.variant.name != b.variant.name


def test_about_a_tenth_of_the_seeds_is_val():
    tasks = plan_tasks(list(SCENES), 1600, 5, 2)
    assert 0.06 < sum(task.split == "val" for task in tasks) / len(tasks) < 0.14


def test_a_variant_sets_its_own_axis_alone():
    variant = Variant("cable", "telecom")
    assert (variant.of("cable", "absent"), variant.of("vehicle", "none")) == ("telecom", "none")


@pytest.mark.parametrize(("scenes", "count"), [(["cellar"], 4), ([], 4), (["corridor"], 0)])
def test_a_plan_refuses_what_it_cannot_make(scenes, count):
    with pytest.raises(DatasetError, match="expected"):
        plan_tasks(scenes, count, 1, 2)


def write_one(out, task) -> None:
    labels = label_table([("door", (20, 10, 60, 90))], (100, 100))
    facts = {
        "expect": expect_row(task, "exit_door_area", ["blocked_exit"], [], []),
        "manifest": manifest_row(task, "exit_door_area", (100, 100), 1, []),
    }
    write_picture(out, task.stem, b"jpeg", labels, label_table([], (100, 100)), [], facts)


def test_tables_list_finished_pictures_only(tmp_path):
    first, second = plan_tasks(["exit_door"], 2, 1, 2)
    prepare_folder(tmp_path)
    write_one(tmp_path, first)
    write_one(tmp_path, second)
    (tmp_path / "images" / f"{second.stem}.jpg").unlink()  # as after a kill between labels and picture
    assert write_tables(tmp_path) == 1
    (record,) = read_manifest(tmp_path)
    assert (record.stem, record.source, record.place_group, record.scene) == (
        first.stem, "rendered", first.place, "exit_door_area",
    )  # fmt: skip
    row = json.loads((tmp_path / "expect.json").read_text())[first.stem]
    assert (row["hazards"], row["origin"], row["pair"]) == (["blocked_exit"], "rendered", first.place)
    assert read_labels(tmp_path / "labels" / f"{first.stem}.txt").cxcywh.tolist() == [
        pytest.approx([0.4, 0.5, 0.4, 0.8])
    ]
    assert read_classes(tmp_path) == CLASSES
    assert not shared_places(read_manifest(tmp_path))


FAKE_RENDERER = """
import json, pathlib, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    stem = f"synth_{order['scene']}_{order['seed']:07d}_{order['axis']}_{order['name']}"
    if order["name"] == "far":
        print(json.dumps({"stem": stem, "left_out": "no room"}), flush=True)
        continue
    (pathlib.Path(order["out"]) / "images" / f"{stem}.jpg").write_bytes(b"x")
    print(json.dumps({"stem": stem, "seconds": 0.1}), flush=True)
"""


@pytest.fixture
def settings(tmp_path, monkeypatch) -> run.RenderSettings:
    """A rendering process that writes empty pictures: the parent's side of the talk is what is tested."""
    script = tmp_path / "renderer.sh"
    (tmp_path / "renderer.py").write_text(FAKE_RENDERER)
    import sys

    script.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path / 'renderer.py'}\n")
    script.chmod(0o755)
    return run.RenderSettings(96, 1, 1, 2, str(script))


def test_a_run_goes_on_where_it_stopped(tmp_path, settings):
    out = tmp_path / "out"
    tasks = plan_tasks(["exit_door"], 8, 1, 2)
    makeable = [task for task in tasks if task.variant.name != "far"]
    ticks = []
    first = run.run_tasks(out, makeable[:3], settings, lambda done, total: ticks.append((done, total)))
    assert (first.made, first.kept, first.errors) == (3, 0, ())
    assert ticks[-1] == (3, 3)
    second = run.run_tasks(out, tasks, settings)
    assert (second.made, second.kept, second.left_out) == (len(makeable) - 3, 3, 8 - len(makeable))
    assert all(is_finished(out, task.stem) for task in makeable)
    assert run.run_tasks(out, makeable, settings).made == 0


def test_a_renderer_that_cannot_start_is_named(tmp_path, settings):
    (tmp_path / "renderer.py").write_text("raise SystemExit('ModuleNotFoundError: bpy')")
    with pytest.raises(DatasetError, match="cannot render: ModuleNotFoundError: bpy"):
        run.run_tasks(tmp_path / "out", plan_tasks(["exit_door"], 2, 1, 2), settings)


def test_a_missing_interpreter_is_an_error():
    with pytest.raises(DatasetError, match="--python"):
        run.find_python("/nowhere/python")


def test_an_empty_place_behind_something_is_not_judged(stage):
    sign = stage.label("extinguisher_sign", [Thing()])
    stage.hazard("missing_extinguisher", [sign], [(x, 2.0, 0.0) for x in (0.0, 0.2, 0.4)])
    seen = see_instances(stage, mask_of(n1=(0, 0, 20, 20)), {})
    assert expected_codes(stage, seen, [], lambda point: point[0] > 0.3)[:2] == ([], ["missing_extinguisher"])
    assert expected_codes(stage, seen, [], lambda point: False)[0] == ["missing_extinguisher"]
