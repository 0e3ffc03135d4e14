"""model.toml: what is written reads back; every damage is named with what was got and expected."""

from dataclasses import replace
from pathlib import Path

import pytest

from firewarden.errors import ModelMismatch
from firewarden.models.manifest import (
    ModelManifest,
    file_sha256,
    load_manifest,
    write_manifest,
)
from firewarden.models.tuning import POOLED, HazardBudget, Reached

ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, message "abc"


@pytest.fixture
def manifest(tmp_path: Path) -> ModelManifest:
    (tmp_path / "model.onnx").write_bytes(b"abc")
    return ModelManifest(
        id="firewarden-n",
        folder=tmp_path,
        sha256=ABC_SHA256,
        class_names=("door", "exit_sign", '安全"出口'),
        input_size=640,
        stride=32,
        layout="end2end",
        operating_points={"door": 0.31},
        default_operating_point=0.25,
        licence="AGPL-3.0-or-later",
        dataset_sha256="d" * 64,
        git_sha="c47b89a",
        metrics={"map50": 0.5, "recall_door": 1e-05},
        created="2026-11-21T23:41:37+00:00",
    )


def test_file_sha256_is_the_published_one(manifest: ModelManifest) -> None:
    assert file_sha256(manifest.model_path) == ABC_SHA256


def test_what_is_written_reads_back(manifest: ModelManifest) -> None:
    assert write_manifest(manifest) == manifest.folder / "model.toml"
    assert load_manifest(manifest.folder) == manifest


def test_budgets_and_calibration_read_back(manifest: ModelManifest) -> None:
    real, made = Reached("real", 0.0417, None, 0, 60, 60), Reached("made+more", None, 0.93, 30, 0)
    budget = HazardBudget(0.05, {"real": real, "composed": made})
    told = replace(
        manifest,
        hazard_budgets={"blocked_exit": budget},
        calibration={"door": 0.71, "exit_sign": ((0.05, 0.1), (0.3, 0.9))},
    )
    write_manifest(told)
    assert load_manifest(manifest.folder) == told


def test_an_older_budget_is_of_pooled_origins(manifest: ModelManifest) -> None:
    path = write_manifest(manifest)
    row = "{ false_alarms_a_photo = 0.05, reached = 0.04, recall = 0.9, n = 30, clear = 60, data = 'real+made' }"
    path.write_text(
        f"{path.read_text(encoding='utf-8')}[hazard_budgets]\nblocked_exit = {row}\n", encoding="utf-8"
    )
    pooled = {POOLED: Reached("real+made", 0.04, 0.9, 30, 60)}
    assert load_manifest(manifest.folder).hazard_budgets == {"blocked_exit": HazardBudget(0.05, pooled)}


def test_an_older_manifest_has_neither(manifest: ModelManifest) -> None:
    path = write_manifest(manifest)
    assert not {"[hazard_budgets]", "[calibration]"} & set(path.read_text(encoding="utf-8").splitlines())
    assert (load_manifest(manifest.folder).hazard_budgets, load_manifest(manifest.folder).calibration) == (
        {},
        {},
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('[calibration]\n"dor" = 1.0', r"calibration names \['dor'\]"),
        ('[calibration]\n"door" = 0.0', "calibration.door is 0.0"),
        ('[calibration]\n"door" = true', "calibration.door is True"),
        ('[calibration]\n"door" = [[0.1, 0.2]]', "expected a temperature above 0, or rising knots"),
        ('[calibration]\n"door" = [[0.1, 0.2], [0.1, 0.3]]', "rising knots"),
        ('[calibration]\n"door" = [[0.1, 0.4], [0.2, 0.3]]', "rising knots"),
        ('[calibration]\n"door" = [[0.1, 0.4], [0.2, 1.3]]', "rising knots"),
        ('[hazard_budgets]\n"blocked_exit" = { recall = 1.0 }', "hazard_budgets.blocked_exit is"),
        ('[hazard_budgets]\n"blocked_exit" = 0.05', "hazard_budgets.blocked_exit is 0.05"),
        (
            '[hazard_budgets]\n"blocked_exit" = { false_alarms_a_photo = 0.05, by_origin = {} }',
            "expected false_alarms_a_photo and by_origin",
        ),
        (
            '[hazard_budgets]\n"blocked_exit" = { false_alarms_a_photo = 0.05, by_origin = { "real" = { n = 1, clear = 2 } } }',
            "by_origin with .*'clear'",
        ),
        (
            "[hazard_budgets]\nblocked_exit = { false_alarms_a_photo = 0.05, by_origin = { a = { data = '', n = true, clear = 2 } } }",
            "hazard_budgets.blocked_exit is",
        ),
    ],
)
def test_damaged_sections_are_refused(manifest: ModelManifest, section: str, message: str) -> None:
    path = write_manifest(manifest)
    path.write_text(path.read_text(encoding="utf-8") + section + "\n", encoding="utf-8")
    with pytest.raises(ModelMismatch, match=message):
        load_manifest(manifest.folder)


def test_a_class_without_its_own_threshold_has_the_default(manifest: ModelManifest) -> None:
    assert (manifest.operating_point("door"), manifest.operating_point("exit_sign")) == (0.31, 0.25)


def test_a_changed_model_file_is_refused_with_both_hashes(manifest: ModelManifest) -> None:
    write_manifest(manifest)
    manifest.model_path.write_bytes(b"abd")
    with pytest.raises(ModelMismatch, match=f"sha256 .*expected {ABC_SHA256}"):
        load_manifest(manifest.folder)


@pytest.mark.parametrize("name", ["model.onnx", "model.toml"])
def test_a_missing_file_is_named(manifest: ModelManifest, name: str) -> None:
    write_manifest(manifest)
    (manifest.folder / name).unlink()
    with pytest.raises(ModelMismatch, match=f"{name} is missing"):
        load_manifest(manifest.folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stride = 32\n", "", r"missing keys \['stride'\]"),
        ("stride = 32\n", "stride = 32\nnms = true\n", r"unknown keys \['nms'\]"),
        ("stride = 32\n", 'stride = "32"\n', "stride is '32'"),
        ("stride = 32\n", "stride = true\n", "stride is True"),
        ("stride = 32\n", "stride = \n", "is no TOML"),
        (
            "input_size = 640",
            "input_size = 650",
            "input_size is 650, expected a positive multiple of stride 32",
        ),
        ('layout = "end2end"', 'layout = "raw"', "layout is 'raw'"),
        ('"door" = 0.31', '"dor" = 0.31', r"operating_points name \['dor'\]"),
        ('"door" = 0.31', '"door" = 1.31', r"expected values in \[0, 1\]"),
        ('"door" = 0.31', '"door" = "high"', "operating_points.door is 'high', expected a number"),
        ('  "exit_sign",\n', '  "door",\n', "expected at least one, all different"),
        ("AGPL-3.0-or-later", "MIT", "licence is 'MIT'"),
        ('id = "firewarden-n"', 'id = "../elsewhere"', "id is '../elsewhere'"),
        ('"map50" = 0.5', '"map50" = nan', "expected finite numbers"),
    ],
)
def test_damage_is_refused_by_name(manifest: ModelManifest, old: str, new: str, message: str) -> None:
    path = write_manifest(manifest)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ModelMismatch, match=message):
        load_manifest(manifest.folder)


def test_a_manifest_that_would_not_load_is_not_written(manifest: ModelManifest) -> None:
    with pytest.raises(ModelMismatch, match="sha256"):
        write_manifest(replace(manifest, sha256="0" * 64))
    assert not (manifest.folder / "model.toml").exists()
