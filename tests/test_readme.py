"""The README's commands exist and its measured parts are what the commands print today."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from firewarden.benchmarks.readme_tables import demo_block, results_block, with_blocks

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [TEXT, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))]
SHELL = [
    line
    for page in PAGES
    for fence, block in re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if fence in ("sh", "bash") or line.startswith("firewarden ")
]
GROUPS = {"data", "bench", "cctv", "keys"}  # commands with commands of their own
COMMANDS = sorted({line for line in SHELL if "firewarden " in line and "curl" not in line})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_subcommand_and_option_exists(line):
    words = line.split("firewarden ", 1)[1].split()
    subcommand = words[:2] if words[0] in GROUPS else words[:1]
    usage = subprocess.run(
        [sys.executable, "-P", "-m", "firewarden", *subcommand, "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "400", "PATH": "", "TERM": "dumb"},
    ).stdout  # fmt: skip
    for option in re.findall(r"--[a-z-]+", line):
        assert option in usage, f"{subcommand} has no {option}"


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = {match for line in SHELL for match in re.findall(r"^make (\w+)", line)}
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_measured_parts_are_current():
    assert with_blocks(TEXT, {"demo": demo_block(ROOT), "results": results_block()}) == TEXT


def test_the_python_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "blocked_exit" in done.stdout
