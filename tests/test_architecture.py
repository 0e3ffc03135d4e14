"""Imports flow one way, and the serving half stays free of the training stack."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {  # folder -> folders it may import (its own included)
    "firewarden": {"firewarden"},
    "models": {"firewarden", "models"},
    "inference": {"firewarden", "models", "inference"},
    "ledger": {"firewarden", "models", "inference", "ledger"},
    "bulk": {"firewarden", "models", "inference", "bulk"},
    "jobs": {"firewarden", "models", "inference", "ledger", "bulk", "jobs"},
    "cctv": {"firewarden", "models", "inference", "ledger", "cctv"},
    "datasets": {"firewarden", "datasets"},
    "api": {"firewarden", "models", "inference", "ledger", "bulk", "jobs", "cctv", "api"},
    "training": {"firewarden", "models", "inference", "datasets", "training"},
    "benchmarks": {"firewarden", "models", "inference", "bulk", "cctv", "datasets", "training", "benchmarks"},
}
HEAVY = {"torch", "torchvision", "ultralytics", "albumentations"}
SERVING = ("firewarden", "models", "inference", "ledger", "bulk", "jobs", "cctv", "api")


def imported(path: Path) -> list[tuple[str, bool]]:
    """(module, inside a function) for every import of a file."""
    found = []

    def visit(node: ast.AST, nested: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, nested) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                found.append((child.module or "", nested))
            visit(child, nested or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


def folder_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "firewarden":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in ALLOWED else "firewarden"


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_imports_flow_one_way(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for module, nested in imported(path):
            target = folder_of(module)
            lazy_cli = path.name.startswith("cli") and folder == "firewarden" and nested
            assert target is None or lazy_cli or target in ALLOWED[folder], f"{path.name} imports {module}"


@pytest.mark.parametrize("folder", SERVING)
def test_serving_folders_never_name_the_training_stack(folder):
    for path in (ROOT / folder).rglob("*.py"):
        heavy = {module.split(".")[0] for module, _ in imported(path)} & HEAVY
        assert not heavy, f"{path.name} imports {heavy}"


@pytest.mark.parametrize(
    "module",
    [
        "firewarden.api.app",
        "firewarden.inference.inspector",
        "firewarden.training.evaluate",
        "firewarden.cli",
    ],
)
def test_importing_loads_neither_torch_nor_ultralytics(module):
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_environment_is_read_in_one_place_beside_the_settings():
    readers = [
        path.relative_to(ROOT).as_posix()
        for folder in SERVING
        for path in (ROOT / folder).rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8")
    ]
    # variables that glibc's allocator has read by itself; names that are no settings; the secrets a register refers to as env:NAME;
    # what ONNX Runtime and Ray read as they start
    assert sorted(readers) == [
        "api/memory.py",
        "api/settings.py",
        "bulk/ray_engine.py",
        "cctv/stream_address.py",
        "firewarden/__init__.py",
    ]


def test_no_file_is_a_grab_bag():
    names = {p.stem for folder in ALLOWED for p in (ROOT / folder).rglob("*.py")}
    assert not names & {"utils", "misc", "common", "helpers"}


def test_only_the_letterbox_scales():
    """No '/ scale' or '- pad' outside letterbox.py among the files between image and detections."""
    for name in ("decode.py", "detector.py", "session.py", "inspector.py"):
        text = (ROOT / "inference" / name).read_text(encoding="utf-8")
        assert "/ scale" not in text and "- pad" not in text and "cv2" not in text
