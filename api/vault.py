"""Photos and verdicts on their way to the disk: photos first, then the row that names them, then the answer."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from firewarden.api.group_writer import GroupWriter
from firewarden.api.problems import Problem, not_written
from firewarden.api.storage import Repository, Write
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import DATABASE_AWAY

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Commit:
    """A write whose photos may still be on their way; `then` makes the answer of whether it was new."""

    write: Write
    photos: tuple["Future[None]", ...]
    then: Callable[[bool], object]


class Vault:
    """Two threads that write in groups: one syncs photos, the other commits rows that callers do not commit themselves.
    Neither ever waits for company."""

    def __init__(self, repository: Repository, blobs: BlobStore) -> None:
        self._repository = repository
        self._photos: GroupWriter[tuple[str, bytes], None] = GroupWriter("photos", blobs.put_all)
        self._rows: GroupWriter[_Commit, object] = GroupWriter("rows", self._commit)

    def open(self) -> None:
        self._photos.open()
        self._rows.open()

    def close(self) -> None:
        """All that was handed in is written first."""
        self._photos.close()
        self._rows.close()

    def keep_photo(self, sha256: str, data: bytes) -> "Future[None]":
        """Done when the photo would survive a power cut; OSError where it cannot be written."""
        return self._photos.submit((sha256, data))

    def commit(
        self,
        write: Write,
        photos: Sequence["Future[None]"],
        then: Callable[[bool], T],
        *,
        here: bool = False,
    ) -> "Future[T]":
        """The value of `then(is_new)`, after photos and rows are durable. `is_new` is False where the idempotency key
        was there already, and then nothing was written. Raises a 503 Problem where a photo could not be stored. `here`
        does it in the caller's thread where nobody else is being written."""
        commit = _Commit(write, tuple(photos), then)
        return self._rows.submit(commit, here=here)  # type: ignore[return-value]

    def _commit(self, commits: Sequence[_Commit]) -> list[object]:
        failed = {i: error for i, commit in enumerate(commits) if (error := _photo_error(commit))}
        good = [commit for i, commit in enumerate(commits) if i not in failed]
        try:
            saved = iter(self._repository.save_all([commit.write for commit in good]) if good else [])
        except DATABASE_AWAY as error:  # one by one they would only wait again
            return [failed.get(i, error) for i in range(len(commits))]
        return [
            failed[i] if i in failed else _finish(commit, next(saved)) for i, commit in enumerate(commits)
        ]


def _photo_error(commit: _Commit) -> Problem | None:
    """The 503 of a commit whose photos did not reach the disk; waits for those still on their way."""
    error = next((error for photo in commit.photos if (error := photo.exception())), None)
    if error is None:
        return None
    problem = not_written("photo")
    problem.__cause__ = error
    return problem


def _finish(commit: _Commit, is_new: bool) -> object:
    """The answer; an error in making it must not undo the group, which is committed by now."""
    try:
        return commit.then(is_new)
    except Exception as error:  # noqa: BLE001 - goes to the caller
        return error
