"""Who shares a run of the network with whom, and when: by a clock that the test turns."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.errors import PolicyError
from firewarden.inference.batch_plan import BatchPlan, load_plan, save_plan
from firewarden.inference.batcher import Abandoned, Batcher, BatchLine, LineFull, Ticket
from firewarden.inference.session import NetworkOutput

WIDE, TALL = (1, 3, 2, 4), (1, 3, 4, 2)
PLAN = BatchPlan(max_batch=2, streams=1, max_delay_ms=5)


def ticket(arrived_ms: float, shape=WIDE, cancelled=lambda: False) -> Ticket:
    return Ticket(np.zeros(shape, np.float32), arrived_ms / 1000, cancelled)


def line_of(*tickets: Ticket, plan: BatchPlan = PLAN, capacity: int = 8) -> BatchLine:
    line = BatchLine(plan, capacity=capacity)
    for each in tickets:
        line.add(each)
    return line


def take(line: BatchLine, now_ms: float, on_the_way: int = 1) -> list[Ticket]:
    return line.take(now_ms / 1000, on_the_way=on_the_way)


def test_one_photo_waits_its_delay_for_company_and_no_longer() -> None:
    only = ticket(100)
    line = line_of(only)
    assert take(line, 104.9) == []
    assert line.next_due_s() == pytest.approx(0.105)
    assert take(line, 105.1) == [only]
    assert (len(line), line.next_due_s()) == (0, None)


def test_a_photo_does_not_wait_when_nobody_is_on_the_way() -> None:
    only = ticket(100)
    assert take(line_of(only), 100, on_the_way=0) == [only]


def test_a_full_group_runs_at_once_and_the_third_stays() -> None:
    a, b, c = ticket(0), ticket(1), ticket(2)
    line = line_of(a, b, c)
    assert take(line, 2) == [a, b]
    assert take(line, 2) == []
    assert take(line, 7) == [c]


def test_shapes_never_share_a_run_and_the_overdue_group_goes_before_the_full_one() -> None:
    tall, a, b = ticket(0, TALL), ticket(1), ticket(2)
    line = line_of(tall, a, b)
    assert take(line, 3) == [a, b]  # full, while the older one may still wait
    late = line_of(tall, a, b)
    assert take(late, 6) == [tall]
    assert take(late, 6) == [a, b]


def test_a_cancelled_caller_is_dropped_and_takes_no_place() -> None:
    gone, a, b = ticket(0, cancelled=lambda: True), ticket(1), ticket(2)
    line = line_of(gone, a, b)
    assert take(line, 2) == [a, b]
    assert isinstance(gone.answer.exception(timeout=0), Abandoned)


def test_a_full_line_takes_no_more() -> None:
    line = line_of(ticket(0), capacity=1)
    with pytest.raises(LineFull):
        line.add(ticket(1))


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([WIDE, TALL]), st.booleans()), max_size=12))
def test_nobody_is_lost_and_equal_shapes_keep_their_order(rows) -> None:
    tickets = [
        ticket(ms, shape, lambda gone=gone: gone) for ms, shape, gone in sorted(rows, key=lambda r: r[0])
    ]
    line = line_of(*tickets, capacity=12)
    ran = []
    while group := take(line, 1000):
        assert len(group) <= 2
        assert len({t.batch.shape for t in group}) == 1
        ran += group
    stayed = [t for t in tickets if not t.cancelled()]
    assert sorted(map(id, ran)) == sorted(map(id, stayed))
    for shape in (WIDE, TALL):
        assert [t for t in ran if t.batch.shape == shape] == [t for t in stayed if t.batch.shape == shape]


class EchoSession:
    """Answers each photo's first value; notes the sizes of its runs. A photo of -1 makes the run fail."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def run(self, batch):
        self.gate.wait(10)
        self.sizes.append(len(batch))
        if (batch < 0).any():
            raise RuntimeError("broken run")
        first = batch[:, 0, 0, 0]
        return NetworkOutput(np.repeat(first, 6).reshape(-1, 1, 6), np.empty((len(batch), 0), np.float32))


def photo(value: float):
    return np.full(WIDE, value, np.float32)


@pytest.mark.parametrize("plan", [BatchPlan(), BatchPlan(4, 2, 2.0)], ids=["one by one", "batches of four"])
def test_each_caller_gets_its_own_answer(plan) -> None:
    session = EchoSession()
    batcher = Batcher(session, plan, capacity=32)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: batcher.run(photo(i)), range(24)))
    batcher.close()
    assert [float(output.rows[0, 0, 0]) for output in answers] == list(range(24))
    assert all(output.rows.shape == (1, 1, 6) for output in answers)
    assert sum(session.sizes) == 24
    assert max(session.sizes) <= plan.max_batch


def test_callers_that_come_together_share_a_run_and_a_failed_run_reaches_all_of_them() -> None:
    session = EchoSession()
    batcher = Batcher(session, BatchPlan(3, 1, 2000.0))

    def come(value: float):
        with batcher.photo():
            all_here.wait(10)
            return batcher.run(photo(value))

    all_here = threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(come, i) for i in (0, 1, 2)]
        assert [float(f.result(10).rows[0, 0, 0]) for f in answers] == [0, 1, 2]
        assert session.sizes == [3]
        failed = [pool.submit(come, i) for i in (0, 1, -1)]
        assert [str(f.exception(10)) for f in failed] == ["broken run"] * 3
    assert float(batcher.run(photo(7)).rows[0, 0, 0]) == 7  # the thread lives on
    batcher.close()


def test_a_caller_that_went_away_costs_no_run() -> None:
    session = EchoSession()
    batcher = Batcher(session, BatchPlan(2, 1, 0.0))
    session.gate.clear()
    gone = threading.Event()

    def run_unless_gone():
        with batcher.photo(gone.is_set):
            return batcher.run(photo(2))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.run, photo(1))
        time.sleep(0.05)  # the run is going on
        second = pool.submit(run_unless_gone)
        gone.set()
        session.gate.set()
        assert float(first.result(10).rows[0, 0, 0]) == 1
        assert isinstance(second.exception(10), Abandoned)
    batcher.close()
    assert session.sizes == [1]


def test_a_plan_survives_its_file_and_a_damaged_one_names_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "new" / "plan.json"
    assert load_plan(path) is None
    save_plan(path, plan := BatchPlan(8, 2, 4.0))
    assert load_plan(path) == plan
    assert (plan.photos_at_once, replace(plan, max_batch=1).photos_at_once) == (32, 2)
    path.write_text('{"max_batch": 0}')
    with pytest.raises(PolicyError, match="doctor --tune"):
        load_plan(path)
