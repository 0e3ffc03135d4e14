"""The section about batches on the page of speeds."""

from collections.abc import Mapping
from typing import Any

from firewarden.benchmarks.tables import ratio_text, table


def batch_section(told: Mapping[str, Any]) -> list[str]:
    """Against the bare loop, memory, kill and resume, and Ray where it was measured."""
    bare, batch, memory, resume = (told[name] for name in ("bare", "batch", "memory", "resume"))
    lines = [
        (
            f"{told['frames']:,} distinct 1080p frames ({told['frame_bytes']:,} bytes each, {told['filesystem']}) through one "
            f"batch of {told['workers']} workers, held {len(batch['rounds']) - 1} times for the bare loop ({bare['loop']}, as "
            "many threads)."
        ),
        "",
    ]
    lines += table(
        ["", "frames/s", "slowest to fastest round", "of the bare loop"],
        [
            ["bare loop", bare["per_second"], _range(bare["rounds"]), None],
            ["batch", batch["per_second"], _range(batch["rounds"]), ratio_text(told["batch_of_bare"])],
        ],
    )
    lines += [
        "",
        f"First row after {batch['to_first_s']} s; {batch['whole_s']} s in all, start and final file included.",
        "",
        (
            f"Memory: {memory['steady_mb']} MiB after a quarter, {memory['last_mb']} MiB at the end, at most "
            f"{memory['peak_mb']} MiB; {memory['mb_per_1000_frames']:+} MiB per 1,000 frames after the first quarter."
        ),
        "",
        (
            f"Killed (SIGKILL) in the middle of {resume['frames']:,} frames and run again: {resume['kept']:,} rows kept, "
            f"{resume['scored_again']:,} scored, {resume['missing']} missing, {resume['differing']} differing from those of the "
            f"whole batch: {'the same set' if resume['same'] else '**not the same set**'}."
        ),
    ]
    return lines + (_ray(told["ray"]) if "ray" in told else ["", "Not measured: `--ray`."])


def _ray(told: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["engine"], row["per_second"], _range(row["rounds"]), row["to_first_s"]]
        for row in told["engines"]
    ]
    return [
        "",
        f"Both engines, {told['frames']:,} frames a run in turns, from a tenth to nine tenths of them:",
        "",
        *table(["engine", "frames/s", "slowest to fastest round", "first row after, s"], rows),
        "",
        f"Ray over local: {ratio_text(told['ray_of_local'])}; rows {'equal' if told['same'] else '**differ**'}.",
    ]


def _range(values: list[float]) -> str:
    return f"{min(values)}-{max(values)}"
