"""Under what conditions something was measured: without them a figure says nothing."""

import os
import platform
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from firewarden import __version__
from firewarden.benchmarks.model_note import model_of
from firewarden.benchmarks.photos import BenchPhoto
from firewarden.inference.machine import cpu_name, usable_cores
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.models.manifest import ModelManifest

_PACKAGES = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "simplejpeg",
    "pillow",
    "fastapi",
    "uvicorn",
)
_TELLING_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "i8mm",
    "bf16",
)
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_MOUNTS = Path("/proc/mounts")
_STAT = Path("/proc/stat")
_BUSY_SHARE = 0.1


def conditions_of_run(
    manifest: ModelManifest, choice: RuntimeChoice | None, photos: Iterable[BenchPhoto], command: str
) -> dict[str, Any]:
    """Machine, versions, model, runtime, photos, the load before the run, the time and the command."""
    return {
        **machine_of_run(command),
        "model": model_of(manifest),
        "runtime": (choice or RuntimeChoice()).to_json(),
        "photos": [photo.describe() for photo in photos],
    }


def machine_of_run(command: str) -> dict[str, Any]:
    """Machine, versions, the load before the run, the time and the command: all there is to say of a run without a model."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "cpu_flags": cpu_flags(),
        "governor": _GOVERNOR.read_text().strip() if _GOVERNOR.exists() else "unknown",
        "load_before": load_average(),
        "busy_before": busy_share(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {"firewarden": __version__, **_versions(_PACKAGES)},
    }


def load_average() -> float | None:
    """Processes that wanted a core over the last minute, those of a run just before included; None where unknown."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def cpu_flags() -> list[str]:
    """Those instruction sets of this processor that decide how fast a network runs."""
    cpuinfo = Path("/proc/cpuinfo")
    words = set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.exists() else set()
    return [flag for flag in _TELLING_FLAGS if flag in words]


def filesystem_of(folder: Path) -> str:
    """Kind of file system that holds a folder, e.g. ext4: what a sync to disk costs depends on it; "unknown" elsewhere."""
    if not _MOUNTS.exists():
        return "unknown"
    mounts = [line.split()[1:3] for line in _MOUNTS.read_text(encoding="utf-8").splitlines()]
    resolved = folder.resolve()
    holding = [(len(point), kind) for point, kind in mounts if resolved.is_relative_to(point)]
    return max(holding, default=(0, "unknown"))[1]


def busy_share(seconds: float = 1.0) -> float | None:
    """Share of all cores in use over the next `seconds`, 0 to 1; None where the system does not tell."""
    if not _STAT.exists():
        return None
    before = _ticks()
    time.sleep(seconds)
    busy, total = (now - then for now, then in zip(_ticks(), before, strict=True))
    return round(busy / total, 3) if total else None


def is_busy(conditions: Mapping[str, Any]) -> bool:
    """Whether others used more than a tenth of the machine before the run began."""
    before = conditions.get("busy_before")
    return before is not None and before > _BUSY_SHARE


def _ticks() -> tuple[int, int]:
    """(in use, all) of all cores since the start of the machine, from the first line of /proc/stat (proc(5))."""
    with _STAT.open(encoding="ascii") as stream:
        user, nice, system, idle, waiting, *others = map(int, stream.readline().split()[1:9])
    return user + nice + system + sum(others), user + nice + system + idle + waiting + sum(others)


def _versions(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
