"""Files written past the page cache, and through it where that cannot be: the same bytes, safe on return."""

import errno
import os
import random

import pytest

from firewarden.ledger import synced_file
from firewarden.ledger.synced_file import write_synced

LINUX = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="direct writes are Linux")
LARGE = 3_375_892  # bytes, neither whole blocks nor whole chunks
SIZES = [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20, 2**20 + 1, 2**20 + 4096, LARGE]


def photo(n_bytes: int) -> bytes:
    return random.Random(n_bytes).randbytes(n_bytes)


def refuse_direct(*, make: bool):
    """`os.open` of a file system that has no direct writes; some make the file all the same."""
    plain = os.open

    def refuse(path, flags, mode=0o777, **more):
        if flags & os.O_DIRECT:
            if make:
                os.close(plain(path, flags & ~os.O_DIRECT, mode))
            raise OSError(errno.EINVAL, "Invalid argument")
        return plain(path, flags, mode, **more)

    return refuse


@pytest.mark.parametrize("n_bytes", SIZES)
def test_what_is_written_is_read(tmp_path, n_bytes: int) -> None:
    write_synced(tmp_path / "a", photo(n_bytes))
    assert (tmp_path / "a").read_bytes() == photo(n_bytes)


def test_a_file_that_is_there_stays_as_it_is(tmp_path) -> None:
    for n_bytes in (10, LARGE):
        (tmp_path / "a").write_bytes(b"kept")
        with pytest.raises(FileExistsError):
            write_synced(tmp_path / "a", photo(n_bytes))
        assert (tmp_path / "a").read_bytes() == b"kept"


@LINUX
@pytest.mark.parametrize("make", [False, True])
def test_a_file_system_without_direct_writes_gets_the_file_through_the_cache(
    tmp_path, monkeypatch, make: bool
) -> None:
    monkeypatch.setattr(os, "open", refuse_direct(make=make))
    write_synced(tmp_path / "a", photo(LARGE))
    assert (tmp_path / "a").read_bytes() == photo(LARGE)


@LINUX
def test_one_that_opens_but_cannot_write_so_gets_it_too(tmp_path, monkeypatch) -> None:
    def refuse(descriptor, data, offset):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "pwrite", refuse)
    write_synced(tmp_path / "a", photo(LARGE))
    assert (tmp_path / "a").read_bytes() == photo(LARGE)


@LINUX
def test_a_full_disk_is_told(tmp_path, monkeypatch) -> None:
    def full(descriptor, data, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_synced(tmp_path / "a", photo(LARGE))
    assert caught.value.errno == errno.ENOSPC


@LINUX
def test_writes_that_fall_short_go_on_where_they_ended(tmp_path, monkeypatch) -> None:
    plain = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: plain(fd, data[:8192], offset))
    write_synced(tmp_path / "a", photo(LARGE))
    assert (tmp_path / "a").read_bytes() == photo(LARGE)


@LINUX
def test_a_write_of_part_of_a_block_is_an_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: 100)
    with pytest.raises(OSError, match="100 bytes were written"):
        write_synced(tmp_path / "a", photo(LARGE))


@LINUX
def test_large_files_go_past_the_cache_and_are_synced_at_their_full_length(tmp_path, monkeypatch) -> None:
    opened, synced = [], []
    plain_open, plain_sync = os.open, os.fsync

    def see_open(path, flags, *mode):
        opened.append(bool(flags & os.O_DIRECT))
        return plain_open(path, flags, *mode)

    def see_sync(descriptor):
        synced.append(os.fstat(descriptor).st_size)
        plain_sync(descriptor)

    monkeypatch.setattr(synced_file.os, "open", see_open)
    monkeypatch.setattr(synced_file.os, "fsync", see_sync)
    write_synced(tmp_path / "a", photo(LARGE))
    write_synced(tmp_path / "b", photo(1000))
    assert (opened, synced) == ([True], [LARGE, 1000])


@LINUX
def test_nothing_of_another_photo_is_written_behind_the_end(tmp_path, monkeypatch) -> None:
    blocks = []
    plain = os.pwrite

    def see(descriptor, data, offset):
        blocks.append(bytes(data))
        return plain(descriptor, data, offset)

    write_synced(tmp_path / "a", b"\xff" * 2**20)
    monkeypatch.setattr(os, "pwrite", see)
    write_synced(tmp_path / "b", b"\x11" * (2**18 + 1))
    assert blocks == [b"\x11" * (2**18 + 1) + bytes(4095)]
