"""What commands print with: the two consoles, JSON lines, a progress bar, an error that ends the command."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape

from firewarden.errors import HazardError

_WIDEST = 10_000
OUT, ERR = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """One line on stderr, then exit code 2."""
    ERR.print(f"[bold red]error:[/] {escape(message)}", highlight=False)
    sys.exit(2)


def wrong_setting(error: Exception) -> str | None:
    """What is wrong with the environment, where that is what `Settings` complains of; None for another error. Values are not
    repeated: some are secrets. Pydantic is not imported to ask: most commands have no settings."""
    if type(error).__name__ != "ValidationError" or getattr(error, "title", None) != "Settings":
        return None
    first = error.errors(include_input=False, include_url=False)[0]  # type: ignore[attr-defined]
    name = f"FIREWARDEN_{first['loc'][0]}".upper()
    return f"{name}: {first['msg']}. Set it anew, or leave it out for the default."


def no_home(error: Exception) -> str | None:
    """What to set where this user has no home, which holds data by default; None for another error."""
    if isinstance(error, RuntimeError) and "home directory" in str(error):  # as `Path.home` says it
        return "this user has no home folder to keep data in. Set FIREWARDEN_DATA_DIR to a folder, or HOME."
    return None


def end_output() -> None:
    """Print what is left; raises BrokenPipeError here, where it can be handled, and not when Python ends. An error or exit
    code that is on its way goes first."""
    ending = sys.exception()
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        if ending is None or (isinstance(ending, SystemExit) and not ending.code):
            raise
        _drop_output()


def leave_output() -> NoReturn:
    """Exit code 1 without a word, after who read the output went away."""
    _drop_output()
    sys.exit(1)


def _drop_output() -> None:
    """What is still to be printed goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_all_names() -> None:
    """From now on, what the encoding of stdout lacks is printed as an escape: names of files may be no text at all."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def print_json(value: Any) -> None:
    """One line on stdout, in ASCII where its encoding lacks a character: other escapes are no JSON."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    sys.stdout.write(line + "\n")


def print_table(console: Console, table: Any) -> None:
    """A rich table. Where the output is no terminal it is as wide as it is: no cell is cut, and each row is one line."""
    wide = console if console.is_terminal else Console(file=console.file, width=_WIDEST)
    wide.print(table)


def write_text(path: Path, text: str) -> None:
    """One file, its folder made where missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def check_output(path: Path) -> None:
    """Raises HazardError where a file of this name could not be written, its folder made where missing. Called before the
    work whose result it is to hold; touches nothing."""
    if path.is_dir():
        raise HazardError(f"{path} is a folder, expected the name of a file to write. Add one.")
    nearest = next(parent for parent in path.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(path if path.exists() else nearest, os.W_OK):
        raise HazardError(
            f"{path} cannot be written: no right to, or {nearest} is no folder. Choose another place."
        )


def print_step(text: str) -> None:
    """What a long command is about to do, on stderr."""
    ERR.print(f"{text} ...", highlight=False)


def command_line() -> str:
    """The command as typed, paths cut to their last part: it is kept in files that others read."""
    words = (Path(word).name if "/" in word or "\\" in word else word for word in sys.argv[1:])
    return " ".join(["firewarden", *words])


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, fed with (done, all); none where stderr is no terminal or `quiet`."""
    from rich.progress import Progress

    with Progress(console=ERR, transient=True, disable=quiet or not ERR.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
