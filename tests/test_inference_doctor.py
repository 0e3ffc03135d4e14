"""`firewarden doctor`: which installations it calls able to work."""

from importlib import metadata
from pathlib import Path

import pytest

from firewarden.inference import doctor
from firewarden.inference.runtime_gpu import GPU_INSTALL

ROOT = Path(__file__).resolve().parents[1]
BASE = ("firewarden", "numpy", "simplejpeg", "pillow", "fastapi", "sqlalchemy")


@pytest.mark.parametrize(
    ("installed", "ok", "said"),
    [
        pytest.param(("onnxruntime",), True, "onnxruntime 1.0", id="the CPU's package"),
        pytest.param(("onnxruntime-gpu",), True, "onnxruntime-gpu 1.0", id="the GPU's package in its place"),
        pytest.param((), False, "onnxruntime absent", id="neither"),
        pytest.param(("onnxruntime", "onnxruntime-gpu"), False, GPU_INSTALL, id="both in one folder"),
    ],
)
def test_one_onnx_runtime_is_needed_and_either_will_do(monkeypatch, installed, ok, said):
    def version(name: str) -> str:
        if name not in (*BASE, *installed):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor, "version", version)
    check = doctor._packages()
    assert (check.name, check.ok) == ("packages", ok) and check.detail.endswith(said)
    assert check.detail.count("absent") == (not installed)


def test_the_page_tells_the_way_to_a_gpu_that_the_errors_tell():
    """The extra alone leaves the CPU's package in the same folder."""
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    assert all(f"    {step}" in page for step in GPU_INSTALL.split(" && "))
