"""What holds or lists many inputs, an archive or a manifest, wherever it lies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True)
class Container:
    """`name` is its path or URL and stands in the rows of what it holds. `open` gives its bytes from the first one on, to
    seek in; it raises OSError, or Unreadable where they have to be fetched."""

    name: str
    open: Callable[[], IO[bytes]]

    @property
    def short_name(self) -> str:
        """The name without its folders."""
        return Path(self.name).name


def file_container(path: Path) -> Container:
    """A file on disk."""
    return Container(str(path), lambda: path.open("rb"))
