"""Which pictures a run makes: scene, seed and variants of each, their names, places and splits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from firewarden.datasets.synth.scenes import SCENES
from firewarden.datasets.synth.stage import Variant
from firewarden.datasets.synth.streams import stream
from firewarden.errors import DatasetError

VAL_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Task:
    """One picture: scene kind, seed, and the setting of the axis along which its pair differs."""

    scene: str
    seed: int
    variant: Variant

    @property
    def place(self) -> str:
        """Pictures of one place differ in the variant alone."""
        return f"synth_{self.scene}_{self.seed:07d}"

    @property
    def stem(self) -> str:
        return f"{self.place}_{self.variant.axis}_{self.variant.name}"

    @property
    def split(self) -> str:
        """By seed and scene, so that no pair is parted."""
        return "val" if stream(self.seed, f"split:{self.scene}").random() < VAL_SHARE else "train"


def plan_tasks(scenes: Sequence[str], count: int, seed: int, variants: int) -> tuple[Task, ...]:
    """`count` pictures over `scenes` in turn, `variants` of each seed; a longer run begins like a shorter one."""
    unknown = [name for name in scenes if name not in SCENES]
    if unknown or not scenes:
        raise DatasetError(f"--scenes: got {unknown or 'none'}, expected some of {', '.join(SCENES)}.")
    if variants < 1 or count < 1:
        raise DatasetError(f"--variants {variants} and --count {count}: expected at least 1.")
    tasks: list[Task] = []
    k = 0
    while len(tasks) < count:
        scene = scenes[k % len(scenes)]
        place_seed = seed * 1_000_000 + k
        tasks.extend(
            Task(scene, place_seed, variant) for variant in choose_variants(scene, place_seed, variants)
        )
        k += 1
    return tuple(tasks[:count])


def choose_variants(scene: str, seed: int, count: int) -> tuple[Variant, ...]:
    """`count` settings of one axis of the scene, drawn by seed; all of them if the axis has fewer."""
    rng = stream(seed, f"variants:{scene}")
    axes = SCENES[scene].axes
    axis = str(rng.choice(list(axes)))
    names = axes[axis]
    chosen = rng.permutation(len(names))[:count]
    return tuple(Variant(axis, names[k]) for k in sorted(chosen))
