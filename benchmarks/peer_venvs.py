"""The peers' own virtual environments: pinned, and apart from ours, so that nobody's versions bend to another's."""

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from firewarden.errors import HazardError

PEERS = ("ultralytics", "litserve", "bentoml", "roboflow")
SCRIPTS = Path(__file__).resolve().parent / "peers"
_DONE_FILE = "firewarden-requirements.sha256"


def create_venvs(folder: Path, on_step: Callable[[str], object] = lambda text: None) -> dict[str, str]:
    """Make or complete the environment of each peer below `folder`; returns by peer why it could not be made. What is
    there and up to date stays as it is."""
    failed = {}
    for peer in PEERS:
        requirements = SCRIPTS / f"requirements-{peer}.txt"
        digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
        done = folder / peer / _DONE_FILE
        if done.is_file() and done.read_text() == digest:
            continue
        on_step(f"installing {peer}")
        try:
            _install(folder / peer, requirements)
            done.write_text(digest)
        except (OSError, subprocess.CalledProcessError) as error:
            failed[peer] = _reason(error)
    return failed


def pinned_requirements() -> dict[str, list[str]]:
    """What each peer's environment is made from."""
    return {peer: (SCRIPTS / f"requirements-{peer}.txt").read_text().split() for peer in PEERS}


def venv_program(folder: Path, peer: str, program: str = "python") -> Path:
    """A program of a peer's environment; raises HazardError where it is missing."""
    found = folder / peer / ("Scripts" if os.name == "nt" else "bin") / program
    if not found.exists() and not found.with_suffix(".exe").exists():
        raise HazardError(
            f"{found} is missing, expected the environment of {peer}. Run `firewarden bench peers` anew."
        )
    return found


def _install(folder: Path, requirements: Path) -> None:
    if not (folder / "pyvenv.cfg").is_file():
        venv.create(folder, with_pip=True)
    python = venv_program(folder.parent, folder.name)
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        str(requirements),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in (said or str(error)).splitlines() if line and not line.startswith("WARNING")]
    return f"it does not install on Python {sys.version_info.major}.{sys.version_info.minor}: {lines[-1] if lines else error}"
