"""Who is let in, by a clock and a pace that the test chooses; and what deadlines headers ask for."""

import math
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.api.admission import Admission, Refused
from firewarden.api.deadline import budget_s
from firewarden.api.problems import Problem
from firewarden.api.settings import Settings


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
    queue.in_line = 4  # two are worked on, two more keep it that way
    with pytest.raises(Refused):
        queue.begin_upload(0.5)
    queue.in_line = 3
    queue.end_upload(queue.begin_upload(0.6), 0.6)
    queue.in_line = 4
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
    queue.observe(4.0, 4.0, 20, working=2)  # 0.2 s each
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
        queue.end_upload(ticket, now_s)


@given(
    st.lists(st.tuples(st.floats(0, 0.6), st.integers(0, 3)), max_size=60),
    st.integers(0, 30),
    st.sampled_from([0.02, 0.1, 0.4]),
)
def test_one_who_is_turned_away_is_told_what_a_refused_upload_is_told(steps, in_line, service_s) -> None:
    """Two lines with the same history; one looks first and then turns away, the other begins uploads."""
    looking, trying = (line(in_line=in_line, service_s=service_s, max_waiting=24) for _ in range(2))
    now_s = 0.0
    for step_s, gone in steps:
        now_s += step_s
        for queue in (looking, trying):
            queue.leave(min(gone, queue.in_line))
        full, told = looking.is_full(now_s), looking.turn_away(now_s)
        try:
            trying.end_upload(trying.begin_upload(now_s), now_s)
            refused = None
        except Refused as error:
            refused = error
        assert full == (told is not None) == (refused is not None)
        if told and refused:
            assert (told.reason, told.retry_after_s) == (refused.reason, refused.retry_after_s)
        else:
            looking.enter(now_s, 1)
            trying.enter(now_s, 1)


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


@pytest.mark.parametrize("text", ["", "0", "-5", "1.5", "soon", "٣", "99999999999", "9" * 5000])
def test_a_malformed_deadline_is_refused(text) -> None:
    with pytest.raises(Problem) as caught:
        budget_s({"x-request-deadline-ms": text})
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("service_s", "photos"),
    [
        pytest.param(0.1, 8 + 2, id="eight workers, eight cores: all of them work"),
        pytest.param(0.4, 2 + 2, id="eight workers share two cores"),
        pytest.param(0.8, 1 + 2, id="one core"),
    ],
)
def test_the_standing_line_is_what_keeps_the_machine_busy_and_two_more(service_s, photos) -> None:
    queue = line(streams=8, service_s=service_s)
    assert queue.standing_line() == 8 + 2  # all workers, until a photo was seen alone
    queue.observe(0.0, 0.1, 1, working=1)
    assert queue.standing_line() == photos


def test_only_while_photos_are_refused_some_workers_rest() -> None:
    queue = line(streams=8, service_s=0.4)  # 20 a second
    queue.observe(0.0, 0.1, 1, working=1)
    assert queue.width(0.0) == 8
    queue.in_line = 30
    with pytest.raises(Refused):
        queue.begin_upload(0.0)
    assert (queue.width(0.9), queue.width(1.1)) == (2 + 1, 8)


def test_runs_that_have_cores_of_their_own_are_never_left_idle() -> None:
    queue = line(streams=8, service_s=0.4, runs=4)
    queue.observe(0.0, 0.02, 1, working=1)  # smaller than what came later
    assert queue.standing_line() == 4 + 2
    queue.observe(0.0, 0.22, 1, working=4)  # four at once hold nobody up
    assert queue.alone_s == pytest.approx(0.02 + 0.1 * 0.2)


def test_it_learns_how_much_the_machine_does_at_once() -> None:
    queue = line(streams=8, service_s=0.02)  # so said the warm-up, with a small photo: eight at once
    for _ in range(100):
        queue.observe(0.0, 0.1, 1, working=1)
    assert (queue.alone_s, queue.service_s) == (
        pytest.approx(0.1),
        0.02,
    )  # one alone says nothing of full load
    for _ in range(100):
        queue.observe(0.0, 0.4, 1, working=8)
    assert queue.service_s == pytest.approx(0.4, rel=0.01)
    assert queue.standing_line() == 4
    for _ in range(100):
        queue.observe(0.0, 0.1, 1, working=4)  # four beside each other at the speed of one
    assert queue.standing_line() == 6


def test_uploads_over_slower_lines_leave_room_for_others_meanwhile() -> None:
    queue = line(streams=8, service_s=0.4)  # 20 photos a second
    queue.observe(0.0, 0.1, 1, working=1)
    for _ in range(100):
        queue.end_upload(queue.begin_upload(0.0), 0.5)
    assert queue.standing_line() == 4 + 10  # at that pace ten arrive while one is uploaded


@pytest.mark.parametrize(
    ("upload_s", "places"),
    [
        pytest.param(0.0, 0, id="none"),
        pytest.param(0.01, 0, id="0.2 photos: rather too few than too many"),
        pytest.param(0.02, 1, id="0.4 photos: one is uploading now and then"),
        pytest.param(0.06, 1, id="1.2 photos"),
        pytest.param(0.07, 2, id="1.4 photos"),
    ],
)
def test_a_photo_that_is_uploading_leaves_its_place_in_the_line_to_another(upload_s, places) -> None:
    queue = line(service_s=0.1)  # 20 photos a second
    queue.observe(0.0, 0.1, 1, working=1)
    for _ in range(100):
        queue.end_upload(queue.begin_upload(0.0), upload_s)
    assert queue.standing_line() == 4 + places


def test_sixty_four_clients_of_a_machine_of_25_photos_a_second_all_get_in() -> None:
    longest_s = Settings.model_fields["max_wait_s"].default
    queue = line(service_s=0.08, in_line=63, max_waiting=256, max_wait_s=longest_s)
    assert queue.wait_s(63) == pytest.approx(2.48)
    queue.begin_upload(0.0)


def simulate(
    per_second: float,
    *,
    cores: int = 2,
    workers: int = 8,
    runs: int = 1,
    work_s: float = 0.05,
    upload_s: float = 0.0,
    alone_first: int = 40,
) -> list[float]:
    """Times from arrival to answer of those let in between 5 s and 65 s, where `workers` share the `cores` evenly. Some
    photos come one by one before, as on any quiet day."""
    random = Random(1)
    queue = Admission(workers, max_waiting=256, max_wait_s=2.0, service_s=work_s / 3, runs=runs)
    for _ in range(alone_first):
        queue.observe(-9.0, work_s, 1, working=1)
    photos: list[Photo] = []
    uploads: list[Photo] = []
    answered: list[float] = []
    now_s, next_s = 0.0, 0.0
    while now_s < 65:
        busy = [photo for photo in photos if photo.beside]
        speed = min(1.0, cores / max(1, len(busy)))
        first = min(busy, key=lambda photo: photo.left_s, default=None)
        read_s = min((photo.read_s for photo in uploads), default=math.inf)
        step_s = min(next_s - now_s, read_s - now_s, first.left_s / speed if first else math.inf)
        now_s += step_s
        for photo in busy:
            photo.left_s -= step_s * speed
        if first and first.left_s < 1e-9:
            queue.observe(now_s, now_s - first.began_s, 1, (first.beside + len(busy)) / 2)
            queue.leave(1)
            photos.remove(first)
            if first.came_s > 5:
                answered.append(now_s - first.came_s)
        if now_s >= next_s:
            next_s = now_s + random.expovariate(per_second)
            took_s = upload_s * random.uniform(0.5, 1.5)
            come(queue, uploads, now_s, took_s, work_s * random.uniform(0.7, 1.3))
        for photo in [photo for photo in uploads if photo.read_s <= now_s]:
            uploads.remove(photo)
            photos += was_read(queue, photo)
        room = max(0, queue.width(now_s) - sum(photo.beside > 0 for photo in photos))
        for photo in [photo for photo in photos if not photo.beside][:room]:
            photo.began_s, photo.beside = now_s, 1 + sum(photo.beside > 0 for photo in photos)
    return sorted(answered)


@dataclass
class Photo:
    came_s: float
    read_s: float
    left_s: float
    ticket: int
    began_s: float = 0.0
    beside: int = 0


def come(queue: Admission, uploads: list[Photo], now_s: float, took_s: float, work_s: float) -> None:
    try:
        uploads.append(Photo(now_s, now_s + took_s, work_s, queue.begin_upload(now_s)))
    except Refused:
        return


def was_read(queue: Admission, photo: Photo) -> list[Photo]:
    queue.end_upload(photo.ticket, photo.read_s)
    try:
        queue.enter(photo.read_s, 1)
    except Refused:
        return []
    return [photo]


@pytest.mark.parametrize(
    ("cores", "workers", "upload_s"),
    [
        pytest.param(1, 1, 0.0, id="one core"),
        pytest.param(1, 1, 0.03, id="one core, photos that take a while to read"),
        pytest.param(2, 2, 0.0, id="a worker for each core"),
        pytest.param(2, 2, 0.01, id="a worker for each core, photos that take a while to read"),
        pytest.param(2, 2, 0.03, id="a worker for each core, photos that take longer to read"),
        pytest.param(2, 8, 0.0, id="more workers, for batches: they share the cores"),
        pytest.param(16, 32, 0.0, id="many cores"),
    ],
)
def test_at_twice_its_capacity_it_serves_at_full_pace_and_soon(cores, workers, upload_s) -> None:
    """At 50 ms a photo each core serves 20 a second."""
    capacity = 20 * cores
    half = simulate(capacity / 2, cores=cores, workers=workers, upload_s=upload_s)
    twice = simulate(capacity * 2, cores=cores, workers=workers, upload_s=upload_s)
    assert len(half) == pytest.approx(capacity / 2 * 60, rel=0.1)  # nobody is refused at half load
    assert len(twice) >= 0.95 * capacity * 60
    assert twice[int(0.99 * len(twice))] <= 4 * half[len(half) // 2]
