"""SOURCES.md, written from the register."""

from collections.abc import Iterable

from firewarden.datasets.manifest import SPLITS
from firewarden.datasets.register import Register, SourceEntry

_NOTICE = "<!-- Written from sources.toml by `firewarden data sources --out datasets/SOURCES.md`: edit that file. -->"
_DIGEST = (
    "The digest of a source (here its first 12 digits; in full in `sources.toml`) is the sha256 of its photos' sha256 sums, "
    "sorted, one a line: `sha256sum PHOTOS | cut -c1-64 | sort | sha256sum`. `firewarden data validate` compares it."
)


def sources_page(register: Register) -> str:
    """The whole page as Markdown, ending in a newline."""
    photos = [s for s in register.sources if s.kind == "photos"]
    cutouts = [s for s in register.sources if s.kind == "cutouts"]
    sums = {split: sum(getattr(s, split) for s in photos) for split in SPLITS}
    splits = [split for split in SPLITS if sums[split] or split != "test"]
    clear = sum(s.licence_clear for s in register.sources)
    parts = [
        f"# Sources\n\n{_NOTICE}",
        register.prose["head"],
        f"Sources whose rights are beyond doubt in every photo: {clear} of {len(register.sources)}.",
        f"## Labelled photos: {sum(sums.values()):,} ({', '.join(f'{sums[s]:,} {s}' for s in splits)})",
        register.prose["photos"],
        _table(
            ("source", "shows", "licence, as stated", *splits, "places", "digest", "use", "unclear"),
            (
                (
                    s.manifest_source,
                    s.shows,
                    s.licence_stated,
                    *(getattr(s, split) for split in splits),
                    s.places,
                    _digest(s),
                    _use(s),
                    s.notes,
                )
                for s in photos
            ),
        ),
        _DIGEST if any(s.sha256 for s in photos) else "",
        _licence_names(photos),
        register.prose["after_photos"],
        "## Cut-outs",
        register.prose["cutouts"],
        _table(
            ("set", "pictures", "use", "unclear"),
            ((s.manifest_source, f"{s.pictures} {s.shows}", _use(s), s.notes) for s in cutouts),
        ),
        register.prose["tail"],
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _licence_names(photos: Iterable[SourceEntry]) -> str:
    """One line a short licence name with the ids of its sources."""
    ids: dict[str, list[str]] = {}
    for source in photos:
        ids.setdefault(source.licence, []).append(source.id)
    lines = (f"- `{name}`: {', '.join(ids[name])}" for name in sorted(ids, key=str.casefold))
    return (
        "Short licence names, to choose by with `--licences`, and the ids of their sources:\n\n"
        + "\n".join(lines)
    )


def _digest(source: SourceEntry) -> str:
    return f"`{source.sha256[:12]}`" if source.sha256 else ""


def _use(source: SourceEntry) -> str:
    return source.use or ", ".join(source.used_for) or "not used"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", r"\|") for cell in row] for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text[1] = "|" + "---|" * len(head)
    return "\n".join(text)
