"""The furniture library of Sweet Home 3D as Debian packs it: fetched at run time, open licences only, never shipped.

`fetch` once, then `use` the folder; two-wheelers and clutter draw from it now and then. No Blender needed here.
"""

import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firewarden.errors import DatasetError

PACKAGE = "sweethome3d-furniture"
_CATALOGUE = "PluginFurnitureCatalog.properties"
_UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
# kind -> English names in the catalogues, and length in cm of those that are of that kind in real life
_KINDS: dict[str, tuple[tuple[str, ...], tuple[float, float]]] = {
    "bicycle": (("Bicycle", "Bike"), (110, 200)),
    "moped": (("Scooter", "Moped"), (150, 210)),
    "carton": (("Cardboard box", "Open cardboard box"), (20, 90)),
    "pram": (("Stroller",), (60, 120)),
    "wheelchair": (("Wheelchair",), (60, 130)),
    "furniture": (("Chair", "Office chair", "Armchair", "Shelves", "Folding chair"), (35, 140)),
    "ladder": (("Step ladder", "Small step ladder"), (40, 120)),
    "pallet": (("Pallet",), (80, 130)),
    "plant": (("Plant", "Decorative plant", "Indoor plant"), (30, 100)),
    "bin": (("Recycling bin", "Dustbin"), (20, 80)),
    "extinguisher": (("Extinguisher",), (10, 60)),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a catalogue: name, OBJ path inside the library, size (width, depth, height) in cm, author, licence.

    `turn` is the catalogue's 3 x 3 rotation of the OBJ axes, row by row.
    """

    name: str
    model: str
    size_cm: tuple[float, float, float]
    author: str
    licence: str
    turn: tuple[float, ...] = _UPRIGHT


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of a useful kind with the file it lies in."""

    kind: str
    path: Path
    entry: Entry

    @property
    def attribution(self) -> str:
        """Title, author, licence and source in one line."""
        entry = self.entry
        return f"{entry.name} ({self.path.stem}) by {entry.author}, {entry.licence}, from {PACKAGE}, adapted"


def fetch_library(folder: Path) -> None:
    """Download and unpack the Debian package into `folder` (120 MB, then 200 MB); does nothing if it is there."""
    if any(folder.glob(f"*/{_CATALOGUE}")):
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if not any(folder.glob(f"{PACKAGE}*.deb")):
            subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, capture_output=True)
        package = next(folder.glob(f"{PACKAGE}*.deb"))
        subprocess.run(
            ["dpkg-deb", "-x", package.name, "package"], cwd=folder, check=True, capture_output=True
        )
    except (OSError, StopIteration, subprocess.CalledProcessError) as error:
        raise DatasetError(
            f"{PACKAGE} could not be fetched into {folder} ({error}). Use a Debian machine with a network, or put "
            f"the .deb file there, or leave the assets out."
        ) from error
    for library in sorted((folder / "package").rglob("*.sh3f")):
        with zipfile.ZipFile(library) as archive:
            archive.extractall(folder / library.stem)


def parse_catalogue(text: str) -> tuple[Entry, ...]:
    """Entries of one catalogue whose licence is CC0, public domain or CC-BY; all others are left out.

    The licence is that of the entry, else of the whole catalogue.
    """
    rows: dict[int, dict[str, str]] = {}
    head: dict[str, str] = {}
    for line in text.splitlines():
        key, sep, value = line.partition("=")
        match = re.fullmatch(r"(\w+)#(\d+)", key.strip())
        if match and sep:
            rows.setdefault(int(match[2]), {})[match[1]] = value.strip()
        elif sep and not line.lstrip().startswith("#"):
            head[key.strip()] = value.strip()
    found = []
    for row in rows.values():
        licence = open_licence(row.get("license", head.get("license", "")))
        if licence and {"name", "model", "width", "depth", "height"} <= row.keys():
            found.append(_entry(row, licence, head))
    return tuple(found)


def _entry(row: dict[str, str], licence: str, head: dict[str, str]) -> Entry:
    turn = tuple(float(v) for v in row.get("modelRotation", "").split()) or _UPRIGHT
    size = (float(row["width"]), float(row["depth"]), float(row["height"]))
    author = row.get("creator") or head.get("name", "unknown author")
    return Entry(row["name"], row["model"].lstrip("/"), size, author, licence, turn)


def open_licence(text: str) -> str:
    """Short name of a licence that allows use with at most attribution; "" for every other."""
    plain = re.sub(r"[-_]", " ", text.lower())
    if re.search(r"non ?commercial|no ?deriv|share ?alike|gpl|\b(nc|nd|sa)\b", plain):
        return ""
    if re.search(r"public domain|\bcc ?0\b", plain):
        return "CC0"
    if re.search(r"creative commons attribution|creative commons .*attribution|\bcc by\b", plain):
        version = re.search(r"\d\.\d", plain)
        return f"CC-BY-{version[0]}" if version else "CC-BY"
    return ""


def catalogue(folder: Path) -> tuple[Model, ...]:
    """Usable models under `folder`, as `fetch_library` left it; raises DatasetError if there are none."""
    models = []
    for file in sorted(folder.glob(f"*/{_CATALOGUE}")):
        for entry in parse_catalogue(file.read_text(encoding="latin-1")):
            kind, path = kind_of(entry), file.parent / entry.model
            if kind and path.exists():
                models.append(Model(kind, path, entry))
    if not models:
        raise DatasetError(f"{folder}: no model of {PACKAGE} found; fetch the library there first.")
    return tuple(models)


def kind_of(entry: Entry) -> str:
    """What an entry can stand for in a scene, by its name and length; "" for nothing."""
    length = max(entry.size_cm[:2])
    for kind, (names, (low, high)) in _KINDS.items():
        if entry.name in names and low <= length <= high:
            return kind
    return ""


def save_attribution(models: tuple[Model, ...], path: Path) -> None:
    """Write one line a model, sorted: what CC-BY asks for."""
    lines = sorted({model.attribution for model in models})
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


_in_use: dict[str, list[Model]] = {}


def use(folder: Path | None) -> tuple[Model, ...]:
    """Draw from the library in `folder` from now on in this process, or from none; returns its models."""
    _in_use.clear()
    models = catalogue(folder) if folder else ()
    for model in models:
        _in_use.setdefault(model.kind, []).append(model)
    return models


def available(kind: str) -> bool:
    """Whether the library in use has a model of that kind."""
    return kind in _in_use


def pick(rng: np.random.Generator, kind: str) -> Model:
    """One of the models of a kind in use; KeyError if there is none."""
    models = _in_use[kind]
    return models[int(rng.integers(len(models)))]
