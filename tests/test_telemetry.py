"""Nothing that runs photos reports to the makers of its libraries."""

import os
import subprocess
import sys


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
