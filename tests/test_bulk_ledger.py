"""The state of a batch: what survives a kill, a torn line, a lost index and a full disk."""

import json
import resource
import threading
import time

import pytest

from firewarden.bulk.channel import Aborted, Channel
from firewarden.bulk.items import BatchStopped
from firewarden.bulk.ledger import Ledger, to_line


def row(number: int, identity: str | None = "id", **more: object) -> dict[str, object]:
    return {"path": f"p{number}", **more, "batch": {"id": identity}}


def claimed(ledger: Ledger, count: int) -> list[dict[str, object]]:
    """The rows of the first so many keys."""
    for number in range(count):
        ledger.claim(f"p{number}", "")
    return [json.loads(line) for line in ledger.lines()]


@pytest.mark.parametrize("with_index", [True, False])
def test_a_part_cut_at_any_byte_keeps_its_whole_lines(tmp_path, with_index):
    ledger = Ledger(tmp_path / "s")
    for number in range(3):
        ledger.write(row(number))
    ledger.close()
    part = tmp_path / "s" / "part-000001.jsonl"
    whole = part.read_bytes()
    assert whole == b"".join(to_line(row(number)) for number in range(3))
    length = len(whole) // 3
    for cut in (len(whole) - 1, 2 * length, length + 3, 5):
        part.write_bytes(whole[:cut])
        if not with_index:
            (tmp_path / "s" / "index.sqlite").write_bytes(b"this is no database" * 100)
        ledger = Ledger(tmp_path / "s")
        assert [ledger.is_finished(f"p{n}", "id") for n in range(3)] == [n < cut // length for n in range(3)]
        assert part.stat().st_size == cut // length * length
        ledger.close()


def test_the_latest_row_of_a_key_counts_and_only_keys_of_this_run_come_out(tmp_path):
    ledger = Ledger(tmp_path, sync_rows=1, part_bytes=100)  # a new part every other row
    for number in range(4):
        ledger.write(row(number, None, error="cannot be read"))
    ledger.write(row(1, "new"))
    ledger.close()
    again = Ledger(tmp_path)
    assert len(list(tmp_path.glob("part-*"))) > 1
    assert again.is_finished("p1", "new") and not again.is_finished("p0", "None")
    assert sorted(claimed(again, 3), key=lambda r: r["path"]) == [
        row(0, None, error="cannot be read"), row(1, "new"), row(2, None, error="cannot be read"),
    ]  # fmt: skip
    again.close()


def test_a_key_is_claimed_once_a_run(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.claim("a", "row 2") is None and ledger.claim("a", "row 9") == "row 2"
    ledger.close()
    ledger = Ledger(tmp_path)
    assert ledger.claim("a", "row 2") is None
    ledger.close()


def test_two_runs_cannot_share_a_state(tmp_path):
    first = Ledger(tmp_path)
    with pytest.raises(BatchStopped, match="another run"):
        Ledger(tmp_path)
    first.close()
    Ledger(tmp_path).close()


def test_beginning_anew_drops_the_rows_but_none_of_another_run(tmp_path):
    first = Ledger(tmp_path)
    first.write(row(0))
    first.sync()
    with pytest.raises(BatchStopped, match="another run"):
        Ledger(tmp_path, anew=True)
    first.write(row(1))
    assert claimed(first, 2) == [row(0), row(1)]
    first.close()
    again = Ledger(tmp_path, anew=True)
    assert claimed(again, 2) == [] and again.is_empty
    again.close()


@pytest.mark.parametrize("gone", [1, 2])
def test_a_part_that_is_gone_takes_its_rows_along(tmp_path, gone):
    """Two parts of two rows each."""
    ledger = Ledger(tmp_path, sync_rows=2, part_bytes=1)
    for number in range(4):
        ledger.write(row(number))
    ledger.close()
    (tmp_path / f"part-{gone:06d}.jsonl").unlink()
    left = {1: [row(2), row(3)], 2: [row(0), row(1)]}[gone]
    again = Ledger(tmp_path)
    assert claimed(again, 4) == left
    again.write(row(9))
    again.claim("p9", "")
    assert [json.loads(line) for line in again.lines()] == [*left, row(9)]
    again.close()


def test_a_full_disk_stops_cleanly_and_the_rows_before_it_stay(tmp_path):
    """Files may not grow above 64 KiB here, which the part meets first: the index has a few pages."""
    ledger = Ledger(tmp_path, sync_rows=4)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        with pytest.raises(BatchStopped, match="disk is full.*same command"):
            for number in range(50):
                ledger.write(row(number, text="x" * 5000))
        ledger.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept = 12  # three groups of four rows of about 5 kB lie below 64 KiB, the fourth does not fit
    again = Ledger(tmp_path)
    assert [r["path"] for r in claimed(again, 50)] == [f"p{n}" for n in range(kept)]
    again.write(row(kept))
    assert len(claimed(again, 50)) == kept + 1
    again.close()


def test_names_that_are_no_utf8_survive(tmp_path):
    ledger = Ledger(tmp_path)
    name = b"\xff.jpg".decode(errors="surrogateescape")
    ledger.write({"path": name, "batch": {"id": "x"}})
    ledger.claim(name, "")
    assert [json.loads(line)["path"] for line in ledger.lines()] == [name]
    ledger.close()


def test_a_channel_holds_back_its_producer_and_ends_with_its_last_one():
    channel: Channel[int] = Channel(2, producers=2)
    put: list[int] = []

    def produce(numbers: range) -> None:
        for number in numbers:
            channel.put(number)
            put.append(number)
        channel.leave()

    threads = [threading.Thread(target=produce, args=(range(i, i + 50),)) for i in (0, 50)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert len(put) == 2
    assert sorted(channel) == list(range(100))


def test_an_aborted_channel_lets_nobody_wait():
    channel: Channel[int] = Channel(1)
    channel.put(1)
    threading.Timer(0.05, channel.abort).start()
    with pytest.raises(Aborted):
        channel.put(2)
    with pytest.raises(Aborted):
        next(iter(channel))
