"""Assets of rendered scenes: hanging cords, the licence filter of the furniture library, and the parts in Blender."""

import json
import math
import os
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.datasets.synth import sweethome
from firewarden.datasets.synth.hanging import catenary, coil, with_floor, with_twist
from firewarden.errors import DatasetError

# a chain of scale 1 between (-1, 0, cosh 1) and (1, 0, cosh 1): sag cosh 1 - 1, length 2 sinh 1
UNIT = (np.array([-1.0, 0.0, math.cosh(1)]), np.array([1.0, 0.0, math.cosh(1)]), math.cosh(1) - 1)


def test_catenary_of_scale_one_hangs_as_cosh_does() -> None:
    path = catenary(*UNIT, 401)
    assert path[0] == pytest.approx(UNIT[0]) and path[-1] == pytest.approx(UNIT[1])
    assert path[200] == pytest.approx((0, 0, 1), abs=1e-6)
    assert path[:, 2] == pytest.approx(np.cosh(path[:, 0]), abs=1e-6)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).sum() == pytest.approx(2 * math.sinh(1), abs=1e-4)


def test_catenary_points_lie_evenly_along_its_length() -> None:
    steps = np.linalg.norm(np.diff(catenary(*UNIT, 50), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.001


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 8), st.floats(-4, 4), st.floats(0.01, 3), st.floats(0, 6.28))
def test_catenary_meets_both_ends_and_hangs_by_its_sag(
    span: float, rise: float, sag: float, turn: float
) -> None:
    start = np.array([1.0, 2.0, 3.0])
    end = start + (span * math.cos(turn), span * math.sin(turn), rise)
    path = catenary(start, end, sag, 2001)
    assert np.allclose(path[[0, -1]], [start, end], atol=1e-6)
    run = np.hypot(path[:, 0] - 1, path[:, 1] - 2)
    middle = np.interp(span / 2, run, path[:, 2])
    assert 3 + rise / 2 - middle == pytest.approx(sag, rel=0.01, abs=0.002)


@pytest.mark.parametrize(
    ("end", "sag"),
    [((2.0, 0, 1), 0.0), ((0.0, 0, -1), 0.5)],
    ids=["without sag it is taut", "ends one above the other give a plumb line"],
)
def test_straight_cords(end: tuple[float, float, float], sag: float) -> None:
    path = catenary(np.zeros(3), np.array(end), sag, 3)
    assert path[1] == pytest.approx(np.array(end) / 2)


def test_catenary_refuses_what_cannot_hang() -> None:
    with pytest.raises(ValueError, match="sag -1"):
        catenary(np.zeros(3), np.ones(3), -1, 5)


def test_a_cord_too_long_lies_on_the_floor_between_its_ends() -> None:
    path = catenary(np.array([0.0, 0, 1]), np.array([2.0, 0, 0.5]), 3.0, 100)
    lying = with_floor(np.random.default_rng(0), path, 0.01)
    assert path[:, 2].min() < -1 and lying[:, 2].min() == pytest.approx(0.01)
    assert lying[0] == pytest.approx(path[0]) and lying[-1] == pytest.approx(path[-1])
    assert np.ptp(lying[:, 1]) > 0.01  # it bends sideways where it lies


def test_a_cord_above_the_floor_is_left_alone() -> None:
    path = catenary(*UNIT, 20)
    assert with_floor(np.random.default_rng(0), path, 0.5) is path


def test_twist_keeps_the_ends_and_stays_small() -> None:
    path = catenary(*UNIT, 60)
    twisted = with_twist(np.random.default_rng(1), path, 0.02)
    assert np.array_equal(twisted[[0, -1]], path[[0, -1]])
    assert 0 < np.abs(twisted - path).max() <= 0.02 * 1.2 + 1e-9


def test_a_coil_lies_round_its_place() -> None:
    loops = coil(np.random.default_rng(2), (5.0, 6.0, 0.01), 3)
    assert loops.shape == (48, 3)
    assert np.hypot(loops[:, 0] - 5, loops[:, 1] - 6).max() < 0.3 and loops[:, 2].min() == pytest.approx(0.01)


CATALOGUE = textwrap.dedent(
    """\
    # a comment with license=GPL in it
    id=Test
    name=Test models
    license=Creative Commons Attribution 3.0 Unported license  (c) Somebody
    id#1=Test#bicycle
    name#1=Bicycle
    model#1=/test/bicycle/bicycle.obj
    width#1=46
    depth#1=149.2
    height#1=84.3
    creator#1=Ann
    modelRotation#1=-1 0 0 0 1 0 0 0 -1
    name#2=Stroller
    model#2=/test/stroller.obj
    width#2=48
    depth#2=81.2
    height#2=99.2
    license#2=Creative Commons Attribution-NonCommercial 3.0
    name#3=Crate
    model#3=/test/crate.obj
    width#3=60
    depth#3=60
    height#3=60
    license#3=CC-0
    name#4=Broken row without a size
    model#4=/test/none.obj
    """
)


def test_catalogue_keeps_open_licences_alone() -> None:
    bicycle, crate = sweethome.parse_catalogue(CATALOGUE)
    assert (bicycle.name, bicycle.author, bicycle.licence) == ("Bicycle", "Ann", "CC-BY-3.0")
    assert bicycle.model == "test/bicycle/bicycle.obj" and bicycle.size_cm == (46, 149.2, 84.3)
    assert bicycle.turn[0] == -1 and bicycle.turn[8] == -1
    assert (crate.name, crate.author, crate.licence) == ("Crate", "Test models", "CC0")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Public domain", "CC0"),
        ("CC0", "CC0"),
        ("CC-BY 4.0", "CC-BY-4.0"),
        ("Creative Commons 3.0 Attribution 3.0 United States license", "CC-BY-3.0"),
        ("Creative Commons Attribution-ShareAlike 3.0", ""),
        ("CC-BY-SA 4.0", ""),
        ("CC BY-NC 2.0", ""),
        ("GNU GPL 2", ""),
        ("Copyright, all rights reserved", ""),
        ("", ""),
    ],
)
def test_open_licence(text: str, short: str) -> None:
    assert sweethome.open_licence(text) == short


def _library(folder: Path) -> Path:
    """A library of one bicycle on disk: a wheelbase of one triangle."""
    (folder / "Test" / "test" / "bicycle").mkdir(parents=True)
    (folder / "Test" / "PluginFurnitureCatalog.properties").write_text(CATALOGUE, encoding="latin-1")
    (folder / "Test" / "test" / "bicycle" / "bicycle.obj").write_text(
        "v -23 0 -74.6\nv 23 0 -74.6\nv 0 84.3 74.6\nf 1 2 3\n", encoding="ascii"
    )
    return folder


def test_a_library_in_use_offers_its_kinds_until_it_is_dropped(tmp_path: Path) -> None:
    (model,) = sweethome.use(_library(tmp_path))
    try:
        assert sweethome.available("bicycle") and not sweethome.available("pram")
        assert sweethome.pick(np.random.default_rng(0), "bicycle") is model
        assert model.attribution == "Bicycle (bicycle) by Ann, CC-BY-3.0, from sweethome3d-furniture, adapted"
        sweethome.save_attribution((model, model), tmp_path / "ATTRIBUTION.txt")
        assert (tmp_path / "ATTRIBUTION.txt").read_text() == model.attribution + "\n"
    finally:
        sweethome.use(None)
    assert not sweethome.available("bicycle")


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="fetch the library"):
        sweethome.catalogue(tmp_path)


def test_toys_are_no_vehicles() -> None:
    toy = sweethome.Entry("Scooter", "scooter.obj", (34, 86.4, 88), "Ann", "CC0")
    assert sweethome.kind_of(toy) == ""


# --- with Blender ---

_IN_BLENDER = """
import json, sys
from pathlib import Path
import numpy as np
import bpy
from firewarden.datasets.synth import cables, cars, clutter, sweethome, two_wheelers
from firewarden.datasets.synth.joining import bounds, port_of
from firewarden.datasets.synth.stage import Stage

def row(built):
    low, high = bounds(built.things[0])
    return {"size": built.size, "class": built.class_name, "kind": built.kind, "low": list(low), "high": list(high),
            "count": len(built.things), "attribution": built.attribution}

bpy.ops.wm.read_factory_settings(use_empty=True)
out = {"two_wheelers": [], "clutter": [], "cars": []}
for kind in ("ebike", "ebike", "moped", "etricycle", "bicycle", "pram", "wheelchair"):
    out["two_wheelers"].append(row(two_wheelers.build_two_wheeler(np.random.default_rng(3), kind)))
for kind in ("carton", "carton_stack", "furniture", "bag", "bin", "ladder", "pallet", "plant"):
    out["clutter"].append(row(clutter.build_clutter(np.random.default_rng(4), kind)))
for kind in ("sedan", "suv", "van", "lorry"):
    out["cars"].append(row(cars.build_car(np.random.default_rng(5), kind)))
out["strip"] = row(cables.build_strip(np.random.default_rng(6)))
out["charger"] = row(cables.build_charger(np.random.default_rng(6)))
stage, rng = Stage(), np.random.default_rng(7)
bike = two_wheelers.build_two_wheeler(rng, "moped")
stage.place(bike, (2.0, 1.0, 0.0), 0.5)
out["port"] = port_of(bike)
cables.hang_cable(stage, rng, (0.0, 0.0, 3.0), port_of(bike), kind="power", source="window", sink="vehicle", sag=0.4)
cord = stage.cables[0]
out["cord"] = {"ends": [cord.points[0], cord.points[-1]], "kinds": [cord.kind, cord.source, cord.sink],
               "length": np.linalg.norm(np.diff(cord.points, axis=0), axis=1).sum(), "label": stage.instances[0].class_name}
sweethome.use(Path(sys.argv[1]))
rng = np.random.default_rng(0)
out["library"] = [row(b) for b in (two_wheelers.build_two_wheeler(rng, "bicycle") for _ in range(12)) if b.attribution]
same = [row(two_wheelers.build_two_wheeler(np.random.default_rng(9), "ebike")) for _ in range(2)]
out["repeats"] = same[0] == same[1]
Path(sys.argv[2]).write_text(json.dumps(out, default=float))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the assets look like in a real Blender, named by FIREWARDEN_BPY_PYTHON."""
    python = os.environ.get("FIREWARDEN_BPY_PYTHON")
    if not python:
        pytest.skip("FIREWARDEN_BPY_PYTHON names no interpreter with bpy: assets are not built here")
    folder = tmp_path_factory.mktemp("assets")
    script, answer = folder / "script.py", folder / "answer.json"
    script.write_text(_IN_BLENDER, encoding="utf-8")
    done = subprocess.run(
        [python, "-P", str(script), str(_library(folder / "library")), str(answer)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(answer.read_text(encoding="utf-8")))


# kind: class, then lowest and highest (width, length, height) in metres of such a thing in life
_SIZES = {
    "ebike": ("ebike", (0.5, 1.3, 0.9), (1.15, 2.1, 1.6)),
    "moped": ("ebike", (0.6, 1.5, 1.0), (1.15, 2.2, 1.6)),
    "etricycle": ("ebike", (0.7, 1.9, 0.9), (1.3, 3.2, 2.0)),
    "bicycle": ("bicycle", (0.45, 1.4, 0.8), (0.85, 2.1, 1.35)),
    "pram": ("clutter", (0.4, 0.7, 0.8), (0.9, 1.3, 1.3)),
    "wheelchair": ("", (0.5, 0.8, 0.8), (0.85, 1.3, 1.2)),
    "carton": ("carton", (0.2, 0.2, 0.15), (1.4, 1.2, 1.0)),
    "carton_stack": ("carton", (0.2, 0.2, 0.15), (2.2, 1.4, 2.4)),
    "furniture": ("furniture", (0.25, 0.25, 0.3), (1.7, 1.1, 2.1)),
    "bag": ("clutter", (0.2, 0.2, 0.3), (1.6, 0.9, 0.9)),
    "bin": ("clutter", (0.2, 0.2, 0.2), (0.75, 0.9, 1.3)),
    "ladder": ("clutter", (0.3, 0.5, 1.0), (0.7, 1.4, 2.1)),
    "pallet": ("clutter", (1.1, 0.9, 0.1), (1.35, 1.1, 0.9)),
    "plant": ("clutter", (0.3, 0.3, 0.4), (1.6, 1.6, 2.0)),
    "sedan": ("vehicle", (1.7, 4.0, 1.3), (2.3, 5.1, 1.7)),
    "suv": ("vehicle", (1.7, 4.0, 1.5), (2.3, 5.1, 1.95)),
    "van": ("vehicle", (1.6, 3.7, 1.7), (2.2, 4.9, 2.25)),
    "lorry": ("vehicle", (1.6, 4.3, 1.7), (2.2, 6.0, 2.7)),
}


@pytest.mark.parametrize("group", ["two_wheelers", "clutter", "cars"])
def test_assets_stand_centred_on_the_ground_at_real_size(
    built: dict[str, list[dict[str, object]]], group: str
) -> None:
    for row in built[group]:
        class_name, low, high = _SIZES[str(row["kind"])]
        size, least, most = (np.array(row[key]) for key in ("size", "low", "high"))
        assert row["class"] == class_name
        assert least[2] == pytest.approx(0, abs=1e-5) and least[:2] == pytest.approx(-most[:2], abs=1e-4)
        assert size == pytest.approx(most - least, abs=1e-4)
        assert np.all(size >= low) and np.all(size <= high), (row["kind"], size)
        assert row["count"] == 1 and row["attribution"] == ""


def test_one_seed_builds_one_thing(built: dict[str, bool]) -> None:
    assert built["repeats"]


def test_strips_and_chargers_are_power_strips_of_hand_size(built: dict[str, dict[str, object]]) -> None:
    for name, longest in (("strip", 0.5), ("charger", 0.25)):
        assert built[name]["class"] == "power_strip" and max(built[name]["size"]) < longest  # type: ignore[call-overload]


def test_a_cord_runs_from_its_source_to_the_port_of_the_parked_vehicle(
    built: dict[str, dict[str, object]],
) -> None:
    cord, port = built["cord"], built["port"]
    assert cord["ends"][0] == pytest.approx([0, 0, 3]) and cord["ends"][1] == pytest.approx(port)  # type: ignore[index]
    assert cord["kinds"] == ["power", "window", "vehicle"] and cord["label"] == "power_cable"
    chord = math.dist((0, 0, 3), port)  # type: ignore[arg-type]
    assert chord < cord["length"] < 1.6 * chord  # type: ignore[operator]
    assert math.dist(port[:2], (2.0, 1.0)) < 0.6  # type: ignore[index]


def test_library_models_are_scaled_and_credited(built: dict[str, list[dict[str, object]]]) -> None:
    assert built["library"], "a third of the bicycles should come from the library in use"
    for row in built["library"]:
        assert str(row["attribution"]).startswith("Bicycle (bicycle) by Ann")
        assert 1.55 <= row["size"][1] <= 1.8 and row["class"] == "bicycle"  # type: ignore[index]
