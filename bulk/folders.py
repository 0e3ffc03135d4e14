"""Folders and globs: pictures below them, listed lazily, links to folders not followed."""

import os
from collections.abc import Iterator
from glob import has_magic, iglob
from pathlib import Path

from firewarden.bulk.items import FileReader, Item, broken
from firewarden.inference.batch import is_photo_name


def file_item(path: Path) -> Item:
    """A file as it is named."""
    return Item(str(path), FileReader(path))


def folder_items(folder: Path) -> Iterator[Item]:
    """Every picture below; a folder that cannot be listed is an item that says so."""
    refused: list[OSError] = []
    for root, folders, names in os.walk(folder, onerror=refused.append):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            if is_photo_name(name) and (
                path.is_file() or path.is_symlink()
            ):  # a link to nowhere is missing, not absent
                yield file_item(path)
    for error in refused:
        yield broken(str(error.filename), f"cannot be listed: {error.strerror or error}", final=False)


def count_in_folder(folder: Path) -> int:
    """How many items `folder_items` would give, by names alone."""
    return sum(is_photo_name(name) for _, _, names in os.walk(folder) for name in names)


def is_glob(source: str) -> bool:
    """Whether a source has `*`, `?` or `[` and is no file that is named so."""
    return has_magic(source) and not Path(source).exists()


def glob_items(pattern: str) -> Iterator[Item]:
    """Pictures that match, and pictures below folders that match."""
    for match in iglob(pattern, recursive=True):  # noqa: PTH207 - pathlib's takes no absolute pattern
        path = Path(match)
        if path.is_dir():
            yield from folder_items(path)
        elif is_photo_name(path.name):
            yield file_item(path)
