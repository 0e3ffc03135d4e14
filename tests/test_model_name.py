"""What names a model means the same wherever it is given."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import build_model_folder

from firewarden.api.serve import build_inspector
from firewarden.api.settings import Settings
from firewarden.errors import ModelMismatch
from firewarden.model_name import model_named


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (None, None),
        ("firewarden-n", "firewarden-n"),
        ("mine", Path("mine")),  # a folder here
        ("./mine", Path("mine")),
        ("Nowhere", "Nowhere"),
        ("a/b", Path("a/b")),
    ],
)
def test_a_name_is_an_id_unless_it_is_a_folder_or_a_path(tmp_path, monkeypatch, name, meant) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert model_named(name) == meant


def test_the_service_takes_the_folder_that_the_commands_take(tmp_path, monkeypatch, rules) -> None:
    build_model_folder(tmp_path / "mine", list(rules.class_texts), [(0, 0, 1, 1, 0.0, 0)])
    monkeypatch.chdir(tmp_path)
    inspector = build_inspector(Settings(data_dir=tmp_path / "data", model="mine"))
    folder = inspector.detector.manifest.folder
    inspector.close()
    assert folder.resolve() == tmp_path / "mine"
    with pytest.raises(ModelMismatch, match="got model id 'Nowhere', expected one of"):
        build_inspector(Settings(data_dir=tmp_path / "data", model="Nowhere"))
