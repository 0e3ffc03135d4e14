"""Is this installation able to work? Packages, runtimes, model, rules, typeface, and one built-in photo end to end."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import onnxruntime

from firewarden.errors import HazardError
from firewarden.findings import Verdict
from firewarden.fonts import cjk_font
from firewarden.inference.faces import face_search
from firewarden.inference.inspector import open_inspector
from firewarden.inference.rules_file import load_rules
from firewarden.inference.runtime_gpu import GPU_INSTALL
from firewarden.models.registry import find_manifest

_PACKAGES = (
    "firewarden",
    "numpy",
    "simplejpeg",
    "pillow",
    "fastapi",
    "sqlalchemy",
)
_ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")  # one of them: both write the same folder
_OPTIONAL = (
    "torch", "ultralytics-opencv-headless", "openvino", "psycopg", "av", "ray", "pyarrow", "obstore", "paho-mqtt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    detail: str


def sample_photo() -> bytes:
    """The built-in test photo: a rendered corridor, made for this project."""
    return (files("firewarden.inference") / "sample.jpg").read_bytes()


def run_checks(model: str | Path | None = None, rules: Path | None = None) -> tuple[Check, ...]:
    """Every check, in the order in which a failure explains the next one."""
    return (
        Check("python", True, f"{platform.python_version()} on {platform.machine()}"),
        _packages(),
        Check("optional packages", True, ", ".join(_installed(name) for name in _OPTIONAL)),
        Check("runtimes", True, ", ".join(onnxruntime.get_available_providers())),
        _check(
            "typeface",
            lambda: f"{cjk_font(20).getname()[0]}, 消防 is {cjk_font(20).getlength('消防'):.0f} px wide",
        ),
        _check(
            "rules", lambda: f"version {load_rules(rules).version}, {len(load_rules(rules).hazards)} hazards"
        ),
        _check("faces blurred", lambda: face_search().describe()),
        _check("model", lambda: _describe_model(model)),
        _check("test photo", lambda: _inspect_sample(model, rules)),
    )


def _check(name: str, step: Callable[[], str]) -> Check:
    try:
        return Check(name, True, step())
    except (HazardError, OSError, ImportError) as error:
        return Check(name, False, str(error))


def _packages() -> Check:
    runtimes = [name for name in _ONNX_RUNTIMES if _is_there(name)]
    found = [_installed(name) for name in (*_PACKAGES, *(runtimes or _ONNX_RUNTIMES[:1]))]
    if len(runtimes) > 1:
        found.append(
            f"both in one folder, so either may be what runs; to keep the one for GPUs: {GPU_INSTALL}"
        )
    ok = len(runtimes) == 1 and not any(line.endswith("absent") for line in found)
    return Check("packages", ok, ", ".join(found))


def _installed(name: str) -> str:
    return f"{name} {version(name)}" if _is_there(name) else f"{name} absent"


def _is_there(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _describe_model(model: str | Path | None) -> str:
    manifest = find_manifest(model)
    return f"{manifest.id}, {len(manifest.class_names)} classes, {manifest.input_size} px, sha256 {manifest.sha256[:12]}"


def _inspect_sample(model: str | Path | None, rules: Path | None) -> str:
    inspector = open_inspector(model, rules)
    inspector.inspect(sample_photo())
    start = time.perf_counter()
    result = inspector.inspect(sample_photo())
    spent_ms = (time.perf_counter() - start) * 1000
    found = ", ".join(sorted({finding.hazard for finding in result.findings})) or "nothing"
    if result.verdict is not Verdict.HAZARD:
        raise HazardError(
            f"found {found} in the built-in photo, expected a blocked exit. Choose another model."
        )
    return f"found {found} in {spent_ms:.0f} ms"
