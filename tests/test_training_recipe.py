"""Training configurations: those of the project, and what is refused."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

pytest.importorskip("cv2", reason="recipes compose photos, which needs OpenCV: install firewarden[train]")

from firewarden.datasets.compose import ComposePlan
from firewarden.errors import DatasetError
from firewarden.training.balance import Balance
from firewarden.training.recipe import parse_extra, read_recipe
from firewarden.training.training_set import ExtraFolder

CONFIGS = Path(__file__).resolve().parents[1] / "training" / "configs"


def recipe_file(folder: Path, **keys: object) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": "r", "seed": 3, "trainer": {"epochs": 1}, **keys}))
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_configurations_of_the_project_are_read(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path, tmp_path / "real")
    assert recipe.name == path.stem and recipe.trainer["epochs"] > 0
    assert recipe.raw["name"] == recipe.name


def test_the_ablations_differ_in_their_mix_alone(tmp_path: Path) -> None:
    tables = [
        yaml.safe_load((CONFIGS / f"ablation-{n}.yaml").read_text()) for n in ("real", "composed", "rendered")
    ]
    rest = [
        {k: v for k, v in t.items() if k not in ("name", "compose", "compose_share", "extra")} for t in tables
    ]
    assert rest[0] == rest[1] == rest[2] and rest[0]["listed"] == 2000
    recipes = [read_recipe(CONFIGS / f"{table['name']}.yaml", tmp_path / "real") for table in tables]
    assert [(r.compose is None, r.compose_share, [e.share for e in r.extra]) for r in recipes] == [
        (True, None, []), (True, None, [0.3]), (True, None, [0.3]),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["fine-tune", "firewarden-n-mixed-8", "firewarden-s"])
def test_what_goes_on_from_the_shipped_model_shakes_no_bias_loose(name: str, tmp_path: Path) -> None:
    """The trainer's default for warm-up, 0.1 a step, is meant for SGD."""
    trainer = read_recipe(CONFIGS / f"{name}.yaml", tmp_path / "real").trainer
    assert (trainer["optimizer"], trainer["warmup_bias_lr"]) == ("AdamW", 0.0)


def test_only_the_larger_model_is_widened(tmp_path: Path) -> None:
    widened = [path.stem for path in CONFIGS.glob("*.yaml") if read_recipe(path, tmp_path / "real").widen]
    assert widened == ["firewarden-s"]


def test_folders_are_looked_for_beside_the_data(tmp_path: Path) -> None:
    path = recipe_file(
        tmp_path, extra=[{"path": "rendered", "share": 0.3}, {"path": "other"}], teacher="taught"
    )
    recipe = read_recipe(path, tmp_path / "real")
    assert recipe.extra == (ExtraFolder(tmp_path / "rendered", 0.3), ExtraFolder(tmp_path / "other"))
    assert recipe.teacher == tmp_path / "taught"


def test_kinds_that_are_not_asked_for_are_not_composed(tmp_path: Path) -> None:
    plan = read_recipe(recipe_file(tmp_path, compose={"lift_ebikes": 7, "exit_signs": 0}), tmp_path).compose
    assert plan is not None and (plan.lift_ebikes, plan.seed) == (7, 3)
    assert sum(getattr(plan, field.name) for field in fields(ComposePlan)) == 7 + 3
    assert read_recipe(recipe_file(tmp_path, compose={"exit_signs": 0}), tmp_path).compose is None


def test_what_is_not_named_is_off(tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file(tmp_path), tmp_path)
    assert (recipe.compose, recipe.balance, recipe.listed, recipe.teacher) == (None, None, None, None)
    assert (recipe.cable_labels, recipe.val_extra, recipe.extra, recipe.repeat) == ("whole", False, (), {})
    assert read_recipe(recipe_file(tmp_path, balance={"cap": 3}), tmp_path).balance == Balance(cap=3)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"epochs": 3}, r"unknown keys \['epochs'\]"),
        ({"compose": {"ufos": 2}}, r"compose names \['ufos'\]"),
        ({"extra": ["rendered"]}, "expected a path and perhaps a share"),
        ({"extra": [{"path": "rendered", "part": 0.3}]}, "expected a path and perhaps a share"),
        ({"extra": [{"path": "rendered", "share": 1.0}]}, "between 0 and 1"),
        ({"balance": {"strength": 1}}, "balance has"),
        ({"seed": "three"}, r"recipe\.yaml: seed is 'three', expected int"),
        ({"trainer": [1]}, r"trainer is \[1\], expected dict"),
        ({"trainer": None}, r"missing keys \['trainer'\]"),
        ({"repeat": {"frames": "often"}}, r"repeat\.frames is 'often', expected int"),
        ({"compose": {"exit_signs": 2.5}}, r"compose\.exit_signs is 2\.5, expected int"),
        ({"balance": {"cap": "4"}}, r"balance\.cap is '4', expected int or float"),
        ({"extra": {"path": "a"}}, r"extra is .*, expected list"),
        ({"extra": [{"path": "a", "share": "half"}]}, r"share of extra a is 'half', expected int or float"),
        ({"widen": "yes"}, r"widen is 'yes', expected bool"),
        ({"balance": {1: 2, "cap": 3}}, r"balance has \['1', 'cap'\]"),
        ({"compose": {"exit_signs": -3}}, r"compose\.exit_signs is -3, expected 0 or more"),
        ({"compose_share": 1.5}, r"compose_share is 1\.5, expected a value between 0 and 1"),
        ({"listed": 0}, "listed is 0, expected 1 or more"),
        ({"repeat": {"frames": -1}}, r"repeat\.frames is -1, expected 0 or more"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, keys: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_recipe(recipe_file(tmp_path, **keys), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [", r"recipe\.yaml: .*Correct the YAML"), ("- name", "holds a list"), ("", "holds a NoneType")],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_recipe(tmp_path / "recipe.yaml", tmp_path)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("made/rendered", ExtraFolder(Path("made/rendered"))),
        ("made/rendered:0.3", ExtraFolder(Path("made/rendered"), 0.3)),
        ("C:/made", ExtraFolder(Path("C:/made"))),
    ],
)
def test_an_extra_folder_on_the_command_line(text: str, folder: ExtraFolder) -> None:
    assert parse_extra(text) == folder


def test_a_wrong_share_on_the_command_line_is_refused() -> None:
    with pytest.raises(DatasetError, match="between 0 and 1"):
        parse_extra("made/rendered:30")
