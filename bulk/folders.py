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


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False where the folder around it may not be entered, whatever the version of Python."""
    return os.path.isdir(path)  # noqa: PTH112 - pathlib's raises PermissionError


def is_file(path: Path) -> bool:
    """Whether there is a file; False as for `is_folder`."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def folder_items(folder: Path) -> Iterator[Item]:
    """Every picture below; a folder that cannot be listed is an item that says so."""
    refused: list[OSError] = []
    for root, folders, names in os.walk(folder, onerror=refused.append):
        folders.sort()
        for name in sorted(names):
            if is_photo_name(name):
                yield file_item(Path(root) / name)
    for error in refused:
        yield broken(str(error.filename), f"cannot be listed: {error.strerror or error}", final=False)


def count_in_folder(folder: Path) -> int:
    """How many items `folder_items` would give, by names alone."""
    return sum(is_photo_name(name) for _, _, names in os.walk(folder) for name in names)


def is_glob(source: str) -> bool:
    """Whether a source has `*`, `?` or `[` and is no file that is named so."""
    return has_magic(source) and not os.path.exists(source)  # noqa: PTH110 - as above


def glob_items(pattern: str) -> Iterator[Item]:
    """Pictures that match, and pictures below folders that match."""
    for match in iglob(pattern, recursive=True):  # noqa: PTH207 - pathlib's takes no absolute pattern
        path = Path(match)
        if is_folder(path):
            yield from folder_items(path)
        elif is_photo_name(path.name):
            yield file_item(path)
