"""Nothing that runs photos reports to the makers of its libraries."""

import os
import subprocess
import sys

import pytest


def test_onnx_runtime_keeps_no_id_of_the_machine(tmp_path):
    """Its wheels report to Microsoft, and write such an id below the cache folder, unless told otherwise before they load.
    They stay silent by themselves where a build machine sets CI."""
    told = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    told = {name: value for name, value in told.items() if not name.startswith("XDG_")}
    code = "from firewarden.inference.inspector import open_inspector; open_inspector()"
    subprocess.run(
        [sys.executable, "-P", "-c", code], env={**told, "HOME": str(tmp_path)}, check=True, timeout=120
    )
    assert not list(tmp_path.rglob("*.onnxruntime"))
    assert not (tmp_path / ".cache" / "Microsoft").exists()


def test_openvino_and_nncf_report_nothing_where_a_model_is_quantised(tmp_path):
    """Both load the package that sends as they are imported, and it writes an id of the machine below the home folder.
    Nothing is quantised here: the call stops at the missing model."""
    for name in ("onnx", "openvino", "nncf"):
        pytest.importorskip(name, reason="quantising needs it: install firewarden[quantise]")
    told = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "XDG_"))}
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from firewarden.training.quantise_openvino import quantise_openvino\n"
        "try: quantise_openvino(Path('none.onnx'), Path('none.xml'), [])\n"
        "except FileNotFoundError: print('nncf' in sys.modules, sys.modules['openvino_telemetry'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env={**told, "HOME": str(tmp_path)}, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout == "True None\n"
    assert not (tmp_path / "intel").exists()


def test_openvino_as_a_runtime_reports_nothing(tmp_path):
    pytest.importorskip("openvino", reason="install firewarden[openvino]")
    told = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "XDG_"))}
    code = (
        "import sys\n"
        "from firewarden.inference.runtime_openvino import open_core\n"
        "open_core()\n"
        "print('openvino' in sys.modules, sys.modules['openvino_telemetry'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env={**told, "HOME": str(tmp_path)}, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout == "True None\n"
    assert not (tmp_path / "intel").exists()


def test_a_ray_cluster_that_starts_here_reports_nothing(monkeypatch):
    """Ray's own test of its switch is asked at the moment at which the cluster would start."""
    ray = pytest.importorskip("ray", reason="install firewarden[ray]")
    from ray._common.usage.usage_lib import usage_stats_enabled

    from firewarden.bulk.engine import Effort, RayCluster
    from firewarden.bulk.ray_engine import _join

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "")  # undone after the test, whatever is set below
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED")
    reporting: list[bool] = []
    monkeypatch.setattr(ray, "init", lambda **_settings: reporting.append(usage_stats_enabled()))
    _join(RayCluster(None), Effort())
    assert reporting == [False]


@pytest.mark.parametrize("module", ["trainer", "checkpoint", "starting_model", "average", "graph_export"])
def test_nothing_of_the_training_half_asks_a_name_server(module):
    """ultralytics looks up public name servers as it is imported, to learn whether it may report and download."""
    pytest.importorskip("ultralytics", reason="install firewarden[train]")
    told = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "YOLO_OFFLINE"))}
    code = (
        "import importlib, socket, sys\n"
        "asked = []\n"
        "socket.getaddrinfo = lambda host, *rest, **more: asked.append(host) or []\n"
        "socket.create_connection = lambda address, *rest, **more: asked.append(address)\n"
        f"importlib.import_module('firewarden.training.{module}')\n"
        "from ultralytics.utils import ONLINE\n"
        "print(asked, ONLINE)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=told, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[] False\n"
