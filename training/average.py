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


def average_runs(
    runs: Sequence[Path], shares: Sequence[float], out: Path, *, checkpoint: str = "last.pt"
) -> Path:
    """Write a run folder `out` whose best.pt is the weighted mean of the runs' checkpoints; returns it.

    `run.json` is that of the last run, with `averaged` naming every part by sha256 and share.
    """
    import torch

    from firewarden.training import ignore_loss  # noqa: F401  the checkpoints hold its model class

    if len(runs) != len(shares) or len(runs) < 2 or any(share <= 0 for share in shares):
        raise DatasetError(
            f"got {len(runs)} runs and shares {list(shares)}, expected two or more, one positive share each"
        )
    paths = [run / "train" / "weights" / checkpoint for run in runs]
    loaded = [torch.load(path, map_location="cpu", weights_only=False) for path in paths]
    models = [(part.get("ema") or part["model"]).float() for part in loaded]
    total = sum(shares)
    models[-1].load_state_dict(
        mean_state([model.state_dict() for model in models], [s / total for s in shares])
    )
    weights = out / "train" / "weights"
    weights.mkdir(parents=True)
    torch.save(
        {"model": models[-1].half(), "train_args": loaded[-1].get("train_args", {})}, weights / "best.pt"
    )
    record = json.loads((runs[-1] / "run.json").read_text(encoding="utf-8"))
    parts = [
        {"run": json.loads((run / "run.json").read_text(encoding="utf-8"))["name"], "share": round(share / total, 4),
         "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for run, path, share in zip(runs, paths, shares, strict=True)
    ]  # fmt: skip
    text = json.dumps(
        {**record, "averaged": parts, "averaged_at": datetime.now(UTC).isoformat()}, indent=2, sort_keys=True
    )
    (out / "run.json").write_text(text + "\n", encoding="utf-8")
    return out


def mean_state(states: Sequence[Mapping[str, Any]], shares: Sequence[float]) -> dict[str, Any]:
    """Weighted mean of state dicts; integers (batch counters) are taken from the last one."""
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
