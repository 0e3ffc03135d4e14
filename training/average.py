"""Averaging checkpoints of one lineage: what fine-tuning forgot comes back, what it learned mostly stays.

Weights of runs that started from each other lie in one basin, so their mean is a network too (Wortsman et al. 2022,
"Robust fine-tuning of zero-shot models"). Which mean is best is measured on val like any other choice.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.training.made_by import with_parts_told
from firewarden.training.run_folder import ancestry, read_record
from firewarden.training.seen import merge_seen

_TRAINING_ONLY = "scene_aux."  # checkpoints may lack it; nothing that is exported reads it


def average_runs(
    runs: Sequence[Path],
    shares: Sequence[float],
    out: Path,
    *,
    start: Path | None = None,
    start_share: float = 0.0,
) -> Path:
    """Write a run folder `out` whose best.pt is the weighted mean of the runs' last checkpoints (of a mean: its one); returns it.

    `start` are the COCO weights the lineage began with: they may enter with `start_share`, as the network stood before its
    first step. `run.json` is that of the last run, with `averaged` naming every part by sha256 and share,
    `extra` naming the made pictures and `seen` counting the photos that any of the runs saw.
    """
    import torch

    from firewarden.training.starting_model import load_starting_model

    if len(runs) != len(shares) or not runs or any(share <= 0 for share in shares):
        raise DatasetError(
            f"got {len(runs)} runs and shares {list(shares)}, expected one positive share for each run"
        )
    records = [_record(run) for run in runs]
    paths = [_checkpoint(run) for run in runs]
    loaded = [torch.load(path, map_location="cpu", weights_only=False) for path in paths]
    models = [(part.get("ema") or part["model"]).float() for part in loaded]
    names, weights = [record["name"] for record in records], list(shares)
    if start is not None and start_share > 0:
        models.insert(0, load_starting_model(start, records[-1]["classes"]).float())
        names, paths, weights = [start.stem, *names], [start, *paths], [start_share, *weights]
    total = sum(weights)
    parts = [
        {
            "run": name,
            "share": round(share / total, 4),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for name, share, path in zip(names, weights, paths, strict=True)
    ]
    models[-1].load_state_dict(
        mean_state([model.state_dict() for model in models], [w / total for w in weights]), strict=False
    )
    folder = out / "train" / "weights"
    folder.mkdir(parents=True)
    torch.save(
        {"model": models[-1].half(), "train_args": loaded[-1].get("train_args", {})}, folder / "best.pt"
    )
    if (runs[-1] / "composed").is_dir():  # the scene output is fitted on it at export
        (out / "composed").symlink_to((runs[-1] / "composed").resolve(), target_is_directory=True)
    record = {
        **records[-1],
        "extra": merge_extra(records),
        **_seen(records),
        "averaged": parts,
        "averaged_at": datetime.now(UTC).isoformat(),
    }
    (out / "run.json").write_text(
        json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return out


def _record(run: Path) -> dict[str, Any]:
    return with_parts_told(read_record(run), run)


def _checkpoint(run: Path) -> Path:
    """The last checkpoint of a run; a mean has one alone, its best."""
    weights = run / "train" / "weights"
    found = next((weights / name for name in ("last.pt", "best.pt") if (weights / name).is_file()), None)
    if found is None:
        raise DatasetError(
            f"{weights} holds no last.pt or best.pt, expected a run with a finished epoch. Name another run."
        )
    return found


def _seen(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which photos the runs and those before them saw; nothing where none of the runs kept a record."""
    if not any(record.get("seen") for record in records):
        return {}
    runs = [run for record in reversed(records) for run in ancestry(record)]
    return {"seen": merge_seen(runs).to_json()}


def mean_state(states: Sequence[Mapping[str, Any]], shares: Sequence[float]) -> dict[str, Any]:
    """Weighted mean of state dicts; integers (batch counters) are taken from the last one."""
    states = [{k: v for k, v in state.items() if not k.startswith(_TRAINING_ONLY)} for state in states]
    if any(set(state) != set(states[-1]) for state in states):
        raise DatasetError(
            "the checkpoints hold different networks, expected runs that started from each other"
        )
    return {
        name: sum(share * state[name] for share, state in zip(shares, states, strict=True))
        if value.dtype.is_floating_point
        else value
        for name, value in states[-1].items()
    }


def merge_extra(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The extra data folders of all runs in order, those of equal content once."""
    seen = {entry["sha256"]: dict(entry) for record in records for entry in record.get("extra", ())}
    return list(seen.values())
