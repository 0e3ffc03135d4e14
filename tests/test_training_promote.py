"""Promotion: only a folder with a passed parity of its own file ships."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from firewarden.errors import ModelMismatch
from firewarden.models.manifest import ModelManifest, file_sha256, load_manifest, write_manifest
from firewarden.training.promote import promote


def add_export(
    folder: Path, content: bytes, metrics: dict[str, float], parity: dict[str, Any] | None = None
) -> Path:
    """An exported folder; `parity` overrides keys of a passed one."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    sha256 = file_sha256(folder / "model.onnx")
    write_manifest(
        ModelManifest(
            id="exported",
            folder=folder,
            sha256=sha256,
            class_names=("door", "carton"),
            input_size=64,
            stride=32,
            layout="end2end",
            operating_points={},
            default_operating_point=0.25,
            licence="AGPL-3.0-or-later",
            dataset_sha256="",
            git_sha="",
            metrics=metrics,
        )
    )
    (folder / "parity.json").write_text(
        json.dumps({"passed": True, "model_sha256": sha256, **(parity or {})})
    )
    (folder / "CARD.md").write_text("# card\n")
    (folder / "evaluation.json").write_text(json.dumps({"model_sha256": sha256}))
    (folder / "training.json").write_text('{"name": "run"}')
    return folder


def test_promotion_ships_six_files_under_the_new_id(tmp_path: Path) -> None:
    exported = add_export(tmp_path / "out", b"weights", {"recall_door": 0.5})
    shipped = promote(exported, tmp_path / "models", "firewarden-n")
    assert shipped == tmp_path / "models" / "firewarden-n"
    assert sorted(p.name for p in shipped.iterdir()) == [
        "CARD.md", "evaluation.json", "model.onnx", "model.toml", "parity.json", "training.json",
    ]  # fmt: skip
    assert load_manifest(shipped).id == "firewarden-n"
    assert load_manifest(exported).id == "exported"


def test_a_promotion_replaces_the_old_model_whole(tmp_path: Path) -> None:
    models = tmp_path / "models"
    promote(add_export(tmp_path / "first", b"one", {}), models, "firewarden-n")
    (models / "firewarden-n" / "stray.txt").write_text("")
    promote(add_export(tmp_path / "second", b"two", {}), models, "firewarden-n")
    assert (models / "firewarden-n" / "model.onnx").read_bytes() == b"two"
    assert [p.name for p in models.iterdir()] == ["firewarden-n"]
    assert not (models / "firewarden-n" / "stray.txt").exists()


@pytest.mark.parametrize(
    ("parity", "message"),
    [
        ({"passed": False}, "passed = False"),
        ({"passed": "yes"}, "passed = yes"),
        ({"model_sha256": "0" * 64}, "about a model with sha256 000"),
        ({"model_sha256": None}, "about a model with sha256 None"),
    ],
)
def test_parity_must_have_passed_for_this_file(tmp_path: Path, parity: dict[str, Any], message: str) -> None:
    exported = add_export(tmp_path / "out", b"weights", {}, parity)
    with pytest.raises(ModelMismatch, match=message):
        promote(exported, tmp_path / "models", "firewarden-n")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("told", ["{", "[]", "{}", json.dumps({"model_sha256": "0" * 64})])
def test_the_figures_must_be_of_this_file(tmp_path: Path, told: str) -> None:
    exported = add_export(tmp_path / "out", b"weights", {})
    (exported / "evaluation.json").write_text(told)
    with pytest.raises(ModelMismatch, match=r"evaluation\.json is .*Export again"):
        promote(exported, tmp_path / "models", "firewarden-n")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", ["parity.json", "CARD.md", "model.toml", "model.onnx"])
def test_every_file_is_needed(tmp_path: Path, name: str) -> None:
    exported = add_export(tmp_path / "out", b"weights", {})
    (exported / name).unlink()
    with pytest.raises(ModelMismatch, match=f"{name} is missing"):
        promote(exported, tmp_path / "models", "firewarden-n")


@pytest.mark.parametrize("model_id", ["../n", "a/b", "", "Firewarden", ".n"])
def test_an_id_is_never_a_path(tmp_path: Path, model_id: str) -> None:
    exported = add_export(tmp_path / "out", b"weights", {})
    with pytest.raises(ModelMismatch, match="got model id"):
        promote(exported, tmp_path / "models", model_id)


def test_lower_recall_warns_and_ships(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = {"recall_door": 0.8, "recall_carton": 0.5, "map50": 0.9}
    promote(add_export(tmp_path / "old", b"old", old), tmp_path / "models", "n")
    with caplog.at_level(logging.WARNING):
        shipped = promote(
            add_export(tmp_path / "new", b"new", {"recall_door": 0.75, "map50": 0.1}),
            tmp_path / "models",
            "n",
        )
    assert caplog.messages == [
        "n: recall of carton was 0.500 and is not measured now",
        "n: recall of door falls from 0.800 to 0.750",
    ]
    assert (shipped / "model.onnx").read_bytes() == b"new"
