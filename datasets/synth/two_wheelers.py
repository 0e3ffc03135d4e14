"""Two-wheelers and what is taken for them: e-bikes, mopeds, cargo trikes, bicycles, prams, wheelchairs.

Assets stand on z = 0, nose to +y, metres.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from firewarden.datasets.scene_parts import make_material
from firewarden.datasets.synth import sweethome
from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.joining import join
from firewarden.datasets.synth.pedal_cycles import cycle_parts
from firewarden.datasets.synth.rolling_chairs import pram_parts, wheelchair_parts
from firewarden.datasets.synth.scooters import scooter_parts
from firewarden.datasets.synth.sheets import add_drape
from firewarden.datasets.synth.sweethome_models import build_model
from firewarden.datasets.synth.trikes import trike_parts
from firewarden.datasets.synth.vehicle_parts import Paints, make_cloth, mix_paints

Kind = Literal["ebike", "moped", "etricycle", "bicycle", "pram", "wheelchair"]
CLASS_NAMES: dict[str, str] = {
    "ebike": "ebike",
    "moped": "ebike",
    "etricycle": "ebike",
    "bicycle": "bicycle",
    "pram": "clutter",
    "wheelchair": "",
}
_PORTS: dict[str, Point] = {
    "ebike": (0.1, -0.18, 0.42),
    "moped": (0.12, -0.18, 0.45),
    "etricycle": (0.14, -0.1, 0.5),
}


def build_two_wheeler(rng: np.random.Generator, kind: str) -> Built:
    """One random vehicle of `kind`; electric ones have a charging port (`joining.port_of`).

    With a furniture library in use, bicycles, mopeds, prams and wheelchairs sometimes come from it.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"two-wheeler kind {kind!r}, expected one of {', '.join(get_args(Kind))}")
    if sweethome.available(kind) and rng.random() < 0.35:
        return build_model(rng, kind, CLASS_NAMES[kind])
    paints = mix_paints(rng)
    parts = _MAKERS[kind](rng, paints)
    if kind in ("ebike", "moped") and rng.random() < 0.12:
        parts.append(_cover(rng, parts))
    lean = float(rng.normal(0, 0.03)) if kind in ("ebike", "moped", "bicycle") else 0.0
    return join(parts, CLASS_NAMES[kind], kind=kind, port=_PORTS.get(kind), lean=lean)


def _light(rng: np.random.Generator, paints: Paints) -> list[Any]:
    """The light e-bike: a slim scooter, or a bicycle with a battery."""
    if rng.random() < 0.25:
        return cycle_parts(rng, paints, electric=True)
    return scooter_parts(rng, paints, heavy=False)


_MAKERS: dict[str, Callable[[np.random.Generator, Paints], list[Any]]] = {
    "ebike": _light,
    "moped": lambda rng, paints: scooter_parts(rng, paints, heavy=True),
    "etricycle": trike_parts,
    "bicycle": lambda rng, paints: cycle_parts(rng, paints, electric=False),
    "pram": pram_parts,
    "wheelchair": wheelchair_parts,
}


def _cover(rng: np.random.Generator, parts: list[Any]) -> Any:
    """A rain cover or tarpaulin over a part of the vehicle."""
    if rng.random() < 0.5:
        cloth = make_cloth(rng)
    else:
        silver: Point = (0.5, 0.5, 0.52) if rng.random() < 0.5 else (0.03, 0.06, 0.16)
        cloth = make_material("tarpaulin", silver, roughness=0.35, metallic=0.3)
    low, high = sorted(rng.uniform(-1.0, 1.0, 2))
    return add_drape(
        rng, parts, cloth, y_range=(low - 0.15, max(high, low + 0.6)), drop=float(rng.uniform(0.15, 0.6))
    )
