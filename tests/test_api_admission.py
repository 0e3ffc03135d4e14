"""Who is let in, by a clock and a pace that the test chooses; and what deadlines headers ask for."""

from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.api.admission import Admission, Refused
from firewarden.api.deadline import budget_s
from firewarden.api.problems import Problem


def line(streams: int = 2, in_line: int = 0, **settings) -> Admission:
    """Two streams, 0.1 s a photo: 20 photos a second. Bursts may wait 1 s."""
    values = {"max_waiting": 100, "max_wait_s": 1.0, "service_s": 0.1, **settings}
    return Admission(streams, in_line=in_line, **values)


@pytest.mark.parametrize(
    ("ahead", "wait_s"),
    [
        pytest.param(0, 0.0, id="an empty line"),
        pytest.param(1, 0.0, id="one of two streams is free"),
        pytest.param(2, 0.05, id="both are busy: one ends every 50 ms"),
        pytest.param(21, 1.0, id="twenty wait: the longest burst"),
    ],
)
def test_the_wait_follows_from_the_line_and_the_pace(ahead, wait_s) -> None:
    assert line().wait_s(ahead) == pytest.approx(wait_s)


def test_a_burst_is_let_in_up_to_its_longest_wait() -> None:
    line(in_line=21).begin_upload(0.0)
    with pytest.raises(Refused) as refused:
        line(in_line=22).begin_upload(0.0)
    assert (refused.value.reason, refused.value.retry_after_s) == (
        "overload",
        2,
    )  # 1.05 s and the one refused


def test_after_a_refusal_the_line_is_kept_short_until_all_is_calm() -> None:
    queue = line(in_line=22)
    with pytest.raises(Refused):
        queue.begin_upload(0.0)
    queue.in_line = 5  # would wait 0.2 s, more than 1.2 service times
    with pytest.raises(Refused):
        queue.begin_upload(0.5)
    queue.in_line = 3  # 0.1 s
    queue.end_upload(queue.begin_upload(0.6))
    queue.in_line = 5
    queue.begin_upload(1.6)  # a calm second after the refusal at 0.5 s


def test_those_who_upload_count_as_long_as_they_may_soon_be_in_line() -> None:
    queue = line(in_line=20)
    queue.begin_upload(0.0)
    queue.begin_upload(0.0)
    with pytest.raises(Refused):
        queue.begin_upload(0.1)
    queue.begin_upload(1.2)  # both come over slow lines


def test_more_refusals_send_clients_further_away() -> None:
    queue = line(in_line=40, service_s=0.4)
    told = []
    for i in range(20):
        with pytest.raises(Refused) as refused:
            queue.begin_upload(i / 100)
        told.append(refused.value.retry_after_s)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (8, 12)  # 7.8 s of line, and 0.2 s for each photo refused


@pytest.mark.parametrize(
    ("in_line", "budget", "refused"),
    [(0, 0.11, False), (0, 0.09, True), (6, 0.40, False), (6, 0.30, True)],
)  # six in line: 0.25 s of waiting and 0.1 s of work
def test_a_deadline_that_cannot_be_met_is_refused_at_the_door(in_line, budget, refused) -> None:
    queue = line(in_line=in_line)
    if not refused:
        queue.begin_upload(0.0, budget)
        return
    with pytest.raises(Refused) as caught:
        queue.begin_upload(0.0, budget)
    assert caught.value.reason == "deadline"
    queue.in_line = 19
    queue.begin_upload(0.0)  # an impatient client is no sign of overload


def test_the_count_is_bounded_whatever_the_pace() -> None:
    queue = line(in_line=12, service_s=0.0001, max_waiting=10)
    with pytest.raises(Refused) as caught:
        queue.begin_upload(0.0)
    assert caught.value.reason == "queue_full"


def test_several_photos_weigh_as_many_and_teach_the_pace_of_one() -> None:
    queue = line()
    queue.enter(0.0, 20)
    assert queue.in_line == 20
    queue.observe(4.0, 20)  # 0.2 s each
    assert queue.service_s == pytest.approx(0.1 + 0.1 * 0.1)
    queue.leave(20)
    assert queue.in_line == 0


@given(st.lists(st.tuples(st.floats(0, 0.2), st.booleans()), max_size=200))
def test_nobody_is_let_into_a_longer_wait_than_allowed(steps) -> None:
    queue, now_s = line(), 0.0
    for step_s, done in steps:
        now_s += step_s
        if done and queue.in_line:
            queue.leave(1)
            continue
        try:
            ticket = queue.begin_upload(now_s)
        except Refused:
            continue
        assert queue.wait_s(queue.in_line) <= 1.0
        queue.enter(now_s, 1)
        queue.end_upload(ticket)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="no deadline"),
        pytest.param({"prefer": "wait=10"}, 10.0, id="RFC 7240"),
        pytest.param({"prefer": 'respond-async, Wait = "3"; x=1'}, 3.0, id="among others, quoted"),
        pytest.param({"prefer": "wait=soon"}, None, id="a malformed preference is none"),
        pytest.param({"prefer": "await=10"}, None, id="another preference"),
        pytest.param({"x-request-deadline-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"prefer": "wait=1", "x-request-deadline-ms": "2500"}, 1.0, id="the shorter one"),
    ],
)
def test_headers_say_how_long_a_client_waits(headers, seconds) -> None:
    assert budget_s(headers) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "1.5", "soon", "٣", "99999999999"])
def test_a_malformed_deadline_is_refused(text) -> None:
    with pytest.raises(Problem) as caught:
        budget_s({"x-request-deadline-ms": text})
    assert caught.value.status == 422


def simulate(per_second: float, seconds: float, *, streams: int = 2, service_s: float = 0.05) -> list[float]:
    """Times from arrival to answer of those let in after the first five seconds, over a line of workers without noise."""
    random = Random(1)
    queue = Admission(streams, max_waiting=256, max_wait_s=2.0, service_s=service_s)
    free_at, events, answered, now_s = [0.0] * streams, [], [], 0.0
    while now_s < seconds:
        now_s += random.expovariate(per_second)
        while events and events[0] <= now_s:
            heappop(events)
            queue.leave(1)
        try:
            queue.end_upload(queue.begin_upload(now_s))
            queue.enter(now_s, 1)
        except Refused:
            continue
        work_s = service_s * random.uniform(0.7, 1.3)
        done_s = max(now_s, heappop(free_at)) + work_s
        heappush(free_at, done_s)
        heappush(events, done_s)
        queue.observe(work_s, 1)
        if now_s > 5:
            answered.append(done_s - now_s)
    return sorted(answered)


def test_at_twice_its_capacity_it_serves_at_full_pace_and_soon() -> None:
    """Two workers at 50 ms a photo serve 40 a second."""
    half, twice = simulate(20, 65), simulate(80, 65)
    assert len(half) == pytest.approx(20 * 60, rel=0.1)  # nobody is refused at half load
    assert len(twice) >= 0.95 * 40 * 60
    assert twice[int(0.99 * len(twice))] <= 4 * half[len(half) // 2]
