"""From the class names of a source to the classes of this project, as a person gave it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firewarden.errors import DatasetError

_IGNORE = "ignore:"


@dataclass(frozen=True, slots=True)
class Target:
    """Where boxes of one source class go: a house class, as a label or as a region to ignore."""

    class_id: int
    ignored: bool


@dataclass(frozen=True, slots=True)
class ClassMap:
    """`targets` by source name; None drops the class. Names that it lacks are refused unless `drop_unmapped`."""

    classes: tuple[str, ...]
    targets: Mapping[str, Target | None]
    drop_unmapped: bool = False

    def check(self, names: Iterable[str]) -> None:
        """Refuse names that nobody has decided about."""
        unknown = sorted(set(names) - set(self.targets))
        if unknown and not self.drop_unmapped:
            raise DatasetError(
                f"got classes {unknown} that the map does not name, expected some of {sorted(self.targets)}. "
                f"Add --map name=class, name=- to leave one out, or --drop-unmapped."
            )

    def labelled(self) -> frozenset[int]:
        """House classes that some source class becomes a label of."""
        return frozenset(t.class_id for t in self.targets.values() if t is not None and not t.ignored)


def parse_class_map(
    parts: Iterable[str], classes: tuple[str, ...], *, drop_unmapped: bool = False
) -> ClassMap:
    """Read `car=vehicle,van=vehicle,door,crowd=ignore:person,cat=-`: to a class, as it is called, to ignore, to nothing."""
    targets: dict[str, Target | None] = {}
    for entry in (entry.strip() for part in parts for entry in part.split(",")):
        if not entry:
            continue
        name, _, aim = entry.rpartition("=") if "=" in entry else (entry, "", entry)
        name, aim = name.strip(), aim.strip()
        house = aim.removeprefix(_IGNORE)
        if not name or (aim != "-" and house not in classes):
            raise DatasetError(
                f"--map: got {entry!r}, expected name=class with a class of {list(classes)}, "
                f"name=ignore:class or name=-."
            )
        if name in targets:
            raise DatasetError(f"--map: {name!r} is mapped twice. Keep one entry.")
        targets[name] = None if aim == "-" else Target(classes.index(house), aim.startswith(_IGNORE))
    return ClassMap(classes, targets, drop_unmapped)


def checked_classes(names: Iterable[str], class_map: ClassMap) -> frozenset[int]:
    """Ids of the house classes that a source labelled in every photo: the named ones, `all`, or, where nothing is
    named, those that the map makes labels of."""
    wanted = {name.strip() for part in names for name in part.split(",") if name.strip()}
    strange = sorted(wanted - {*class_map.classes, "all"})
    if strange:
        raise DatasetError(f"--checked: got {strange}, expected 'all' or some of {list(class_map.classes)}.")
    if not wanted:
        return class_map.labelled()
    return frozenset(i for i, name in enumerate(class_map.classes) if "all" in wanted or name in wanted)
