"""The registry lists verified model folders and finds them by id, never by path."""

from pathlib import Path

import pytest

from firewarden.errors import ModelMismatch
from firewarden.models.manifest import ModelManifest, file_sha256, write_manifest
from firewarden.models.registry import list_models, model_folder, models_root


def add_model(root: Path, folder: str, model_id: str) -> None:
    (root / folder).mkdir()
    (root / folder / "model.onnx").write_bytes(model_id.encode())
    write_manifest(
        ModelManifest(
            id=model_id,
            folder=root / folder,
            sha256=file_sha256(root / folder / "model.onnx"),
            class_names=("door",),
            input_size=64,
            stride=32,
            layout="end2end",
            operating_points={},
            default_operating_point=0.25,
            licence="AGPL-3.0-or-later",
            dataset_sha256="",
            git_sha="",
            metrics={},
        )
    )


def test_models_are_listed_by_id_and_other_folders_are_not(tmp_path: Path) -> None:
    add_model(tmp_path, "small", "small")
    add_model(tmp_path, "large", "large")
    add_model(tmp_path, ".large.new", "large")  # a promotion under way
    (tmp_path / "__pycache__").mkdir()
    assert [m.id for m in list_models(tmp_path)] == ["large", "small"]


def test_no_models_is_an_empty_tuple(tmp_path: Path) -> None:
    assert list_models(tmp_path) == ()


def test_a_folder_that_is_not_named_like_its_model_is_refused(tmp_path: Path) -> None:
    add_model(tmp_path, "renamed", "small")
    with pytest.raises(ModelMismatch, match="id is 'small', expected the folder's name 'renamed'"):
        list_models(tmp_path)


def test_a_model_is_found_by_id(tmp_path: Path) -> None:
    add_model(tmp_path, "small", "small")
    assert model_folder("small", tmp_path) == tmp_path / "small"


@pytest.mark.parametrize("model_id", ["large", "../small", ".", "small/", ""])
def test_anything_else_is_refused_with_the_known_ids(tmp_path: Path, model_id: str) -> None:
    add_model(tmp_path, "small", "small")
    with pytest.raises(ModelMismatch, match="expected one of: small"):
        model_folder(model_id, tmp_path)


def test_the_packaged_root_is_the_folder_of_the_registry() -> None:
    assert (models_root() / "registry.py").is_file()
