"""How many compositions of each kind a training run asks for."""

from dataclasses import asdict, dataclass
from pathlib import Path

from firewarden.datasets.compose.save import Progress, write_composed
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.licences import LicenceChoice


@dataclass(frozen=True, slots=True)
class ComposePlan:
    """How many pairs of each kind to compose; the fields are the names of the kinds."""

    exit_signs: int
    indoor_ebikes: int
    seed: int
    lift_ebikes: int = 0
    missing_extinguisher: int = 0
    blocked_exit: int = 0
    pedal_bicycles: int = 0
    outdoor_ebikes: int = 0
    chain_locks: int = 0
    cut_doors: int = 0
    flying_cables: int = 0
    door_swaps: int = 0


def compose_photos(
    source: Path,
    cutouts: Path,
    out: Path,
    plan: ComposePlan,
    *,
    split: str = "train",
    cache: Path | None = None,
    choice: LicenceChoice | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the plan's pictures under `out` as a house folder; returns how many were written.

    Grounds and cut-outs come from photos of `split` alone; `cutouts` is the catalogue; `choice` of licences holds for
    all of them. Cut-outs are kept in `cache`, by default `.cutouts` beside `out`.
    """
    counts = {name: count for name, count in asdict(plan).items() if name != "seed" and count}
    sources = Sources(source, cutouts, split, out.parent / ".cutouts" if cache is None else cache, choice)
    return write_composed(sources, counts, out, seed=plan.seed, progress=progress)
