"""Pieces of the generated pages: Markdown tables, and what is said about the conditions of a run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firewarden.benchmarks.conditions import is_busy
from firewarden.benchmarks.model_note import file_text

Results = Mapping[str, Mapping[str, Any]]


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of a Markdown table; None becomes a dash."""
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return lines + [f"| {' | '.join('-' if cell is None else str(cell) for cell in row)} |" for row in rows]


def ratio_text(ratio: Mapping[str, Any] | None) -> str:
    """`4.1 (3.9-4.3)`; without an interval the value alone."""
    if not ratio:
        return "-"
    bounds = f" ({ratio['low']:.2f}-{ratio['high']:.2f})" if ratio["low"] is not None else ""
    return f"{ratio['value']:.2f}{bounds}"


def not_run_table(reasons: Mapping[str, str]) -> list[str]:
    """Lines of a table of what was not run and why, an empty line before it; nothing where all was."""
    if not reasons:
        return []
    shown = [[name, f"not run: {reason.splitlines()[0]}"] for name, reason in reasons.items()]
    return ["", *table(["", ""], shown)]


def photos_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the photos in a record's rows, each once."""
    return list(dict.fromkeys(str(row["photo"]) for row in rows))


def conditions_text(conditions: Mapping[str, Any]) -> list[str]:
    """One paragraph; a busy machine is named before anything else."""
    model = conditions["model"]
    versions = ", ".join(f"{name} {number}" for name, number in conditions["versions"].items())
    warning = (
        [
            f"**The machine was busy** ({conditions['busy_before']:.0%} in use before the run): not for the record.",
            "",
        ]
        if is_busy(conditions)
        else []
    )
    return [
        *warning,
        (
            f"{conditions['date'][:10]}, `{conditions['command']}`, {conditions['cpu']}, {conditions['cores']} cores "
            f"({', '.join(conditions['cpu_flags'])}), governor {conditions['governor']}, {_busy_text(conditions)}, "
            f"{conditions['system']}, Python {conditions['python']}, {versions}; model {model['id']} at {model['input_size']} px, "
            f"sha256 `{model['sha256'][:12]}`, {runtime_text(conditions)}."
        ),
    ]


def runtime_text(conditions: Mapping[str, Any]) -> str:
    """Runtime and precision of a record, and the model file where that is another than the model's own."""
    runtime, precision = conditions["runtime"]["runtime"], conditions["runtime"]["precision"]
    file = file_text(conditions["model"], f"{runtime}-{precision}")
    return f"{runtime} {precision}" + (f", {file}" if file else "")


def _busy_text(conditions: Mapping[str, Any]) -> str:
    share = conditions["busy_before"]
    return f"load {conditions['load_before']} and {'unknown use' if share is None else f'{share:.0%} in use'} before"
