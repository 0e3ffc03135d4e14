"""The README's commands exist and its measured parts are what the commands print today."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from firewarden.benchmarks.readme_tables import demo_block, results_block, with_blocks
from firewarden.cli import app

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHELL = [
    line
    for page in PAGES.values()
    for fence, block in _BLOCK.findall(page)
    for line in block.replace("\\\n", " ").splitlines()
    if fence in ("sh", "bash") or line.startswith("firewarden ")
]
SAID = [
    said
    for page in PAGES.values()
    for said in re.findall(
        r"`(firewarden [a-z-][^`]*)`|^    (firewarden .*)", _BLOCK.sub("", page), re.MULTILINE
    )
]
COMMANDS = sorted(
    {line.partition("firewarden ")[2] for line in SHELL if "firewarden " in line and "curl" not in line}
    | {(inline or indented).partition("firewarden ")[2] for inline, indented in SAID}
)


def named_command(line: str) -> tuple[Any, str]:
    """The command that a line names, at whatever depth, and its name; AssertionError where a group has none of that name."""
    command, name = get_command(app), "firewarden"
    for word in line.split():
        commands = getattr(command, "commands", None)
        if commands is None or word.startswith("-"):
            break
        assert word in commands, f"{name} has no command {word}"
        command, name = commands[word], f"{name} {word}"
    return command, name


def unknown_options(line: str) -> list[str]:
    """Options of a line that its command has not, word for word."""
    command, _ = named_command(line)
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    given = re.findall(r"(?<![\w-])--[\w-]+", line)
    return [option for option in given if option not in known | {"--help"}]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line):
    assert not unknown_options(line), named_command(line)[1]


def test_commands_of_all_depths_and_whole_options_are_checked():
    """A third level, and `--out` of which `--ou` is only the beginning; a line of this page is among those checked."""
    assert named_command("cctv cameras validate cameras.yaml")[1] == "firewarden cctv cameras validate"
    with pytest.raises(AssertionError, match="firewarden cctv cameras has no command vali"):
        named_command("cctv cameras vali cameras.yaml")
    assert unknown_options("data synth data/rendered --coun 6 --seed 2") == ["--coun"]
    assert unknown_options("data compose --data data --out-dir x") == ["--out-dir"]
    assert "cctv cameras validate cameras.yaml" in COMMANDS and len(COMMANDS) > 60


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
