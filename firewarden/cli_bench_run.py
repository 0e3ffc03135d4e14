"""What the commands of `firewarden bench` have in common: what they open, the conditions they note, what they write."""

from pathlib import Path
from typing import Any

from firewarden.cli_console import ERR, OUT, check_output, command_line
from firewarden.cli_options import model_named
from firewarden.errors import HazardError


def prepare(
    out: Path, model: str | None, folder: Path | None, names: list[str] | None
) -> tuple[Any, list[Any]]:
    """The model's manifest, and the photos to ask about; refuses a folder of results that cannot be written."""
    from firewarden.benchmarks.photos import open_photos
    from firewarden.models.registry import find_manifest

    check_output(out / "result.json")
    return find_manifest(model_named(model)), open_photos(folder, names or ())


def note_conditions(manifest: Any, tuned: Path | None, photos: list[Any]) -> dict[str, Any]:
    """Taken before anything is measured, because the run itself raises the load."""
    from firewarden.benchmarks.conditions import conditions_of_run, is_busy
    from firewarden.benchmarks.throughput import tuned_choice

    choice = tuned_choice(manifest, tuned)
    if tuned is not None and choice is None:
        raise HazardError(
            f"{tuned} holds no choice for this machine. Run `firewarden doctor --tune --data-dir {tuned}`."
        )
    conditions = conditions_of_run(manifest, choice, photos, command_line())
    if is_busy(conditions):
        ERR.print(
            f"[yellow]busy machine:[/] {conditions['busy_before']:.0%} of the cores in use; figures will not hold",
            highlight=False,
        )
    return conditions


def save(out: Path, kind: str, conditions: dict[str, Any], measured: dict[str, Any]) -> None:
    """Write one result file and say where."""
    from firewarden.benchmarks.results import save_result

    OUT.print(f"written: {save_result(out, kind, conditions, measured)}", highlight=False)


def check_page(page: Path) -> None:
    """Raises HazardError where there is no page whose measured parts could be replaced."""
    if not page.is_file():
        raise HazardError(f"got --page {page}, expected a page that is there: parts of it are replaced.")
    check_output(page)


def write_blocks(page: Path, blocks: dict[str, str]) -> None:
    """Replace the measured parts of a page and say where."""
    from firewarden.benchmarks.readme_tables import with_blocks

    page.write_text(with_blocks(page.read_text(encoding="utf-8"), blocks), encoding="utf-8")
    OUT.print(f"written: {page}", highlight=False)
