"""The wheel holds exactly the package: every source file, the rules, the model, and no top-level stray."""

import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> set[str]:
    """File names of a wheel built from a clean copy: build/ of the tree would bring stale files in."""
    work = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, tracked):
        source, target = ROOT / name, work / "src" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    subprocess.run(
        [sys.executable, "-P", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(work / "out"), str(work / "src")],
        check=True,
    )  # fmt: skip
    (wheel,) = (work / "out").glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_source_file_is_in_the_wheel(wheel_names):
    expected = {
        f"{package.replace('.', '/')}/{path.relative_to(ROOT / folder).as_posix()}"
        for package, folder in FOLDERS.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {n for n in wheel_names if n.endswith(".py") and ".dist-info" not in n} == expected


def test_nothing_lies_outside_the_package(wheel_names):
    assert {name.split("/")[0] for name in wheel_names if ".dist-info/" not in name} == {"firewarden"}


@pytest.mark.parametrize(
    "name",
    [
        "firewarden/py.typed",
        "firewarden/inference/rules.yaml",
        "firewarden/inference/sample.jpg",
        "firewarden/training/configs/firewarden-n.yaml",
        "firewarden/datasets/sources.toml",
        "firewarden/models/firewarden-n/model.onnx",
        "firewarden/models/firewarden-n/model.toml",
        "firewarden/models/firewarden-n/parity.json",
        "firewarden/models/firewarden-n/evaluation.json",
        "firewarden/models/firewarden-n/training.json",
        "firewarden/models/firewarden-n/CARD.md",
    ],
)
def test_data_files_are_in_the_wheel(wheel_names, name):
    assert name in wheel_names


def test_no_dependency_of_the_serving_half_pulls_the_training_stack():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any(
        name in line for line in project["dependencies"] for name in ("torch", "ultralytics", "nvidia")
    )


@pytest.mark.skipif(
    (sys.version_info[:2], sys.platform) != ((3, 11), "linux"),
    reason="LOCK NOT CHECKED: it is for Python 3.11, Linux",
)
def test_the_lock_names_what_the_development_environment_needs_and_nothing_else():
    """By the metadata of what is installed here: the base packages, the extra `dev`, and whatever those ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [
        Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["dev"])
    ]
    needed: dict[str, set[str]] = {}  # by name, the extras that were followed; "" for none
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        new = {"", *wanted.extras} - needed.setdefault(name, set())
        needed[name] |= new
        try:
            asked = [Requirement(text) for text in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            pytest.skip(f"LOCK NOT CHECKED: {name} is not installed")
        waiting += [r for r in asked if any(r.marker is None or r.marker.evaluate({"extra": e}) for e in new)]
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    assert locked == set(needed)
