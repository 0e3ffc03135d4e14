"""What a measured speed depends on: the processor and the versions of the packages that compute."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_COMPUTING = ("onnxruntime", "onnxruntime-gpu", "openvino")


def usable_cores() -> int:
    """Cores of the process's affinity mask where the system has one, else of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """The processor as the system names it, with family, model and stepping where it tells them: one brand name covers
    several generations."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    told: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    name = told.get("model name") or platform.processor() or platform.machine()
    numbers = [told[key] for key in ("cpu family", "model", "stepping") if key in told]
    return f"{name} ({'/'.join(numbers)})" if numbers else name


def runtime_versions() -> dict[str, str]:
    """Versions of the packages that compute, of those installed."""
    found = {}
    for name in _COMPUTING:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
