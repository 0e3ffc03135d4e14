"""Context fields -> PhotoContext, and every wrong one named."""

from datetime import UTC, datetime, timedelta

import pytest

from firewarden.api.context import CLOCK_TOLERANCE, Position, parse_context
from firewarden.api.problems import Problem
from firewarden.findings import Fact, InspectionContext, Source


@pytest.mark.parametrize("fields", [[], [("scene", ""), ("source", " ")]], ids=["none", "empty ones"])
def test_no_fields_are_the_defaults_of_the_core(rules, fields) -> None:
    context = parse_context(fields, rules)
    assert context.inspection == InspectionContext()
    assert (context.source, context.captured_at, context.venue_code, context.position) == (
        "field_photo",
        None,
        None,
        None,
    )


def test_all_fields_arrive(rules) -> None:
    context = parse_context(
        [
            ("venue_type", "rental_housing"), ("scene", "stairwell"), ("source", "cctv"),
            ("captured_at", "2026-11-20T09:30:00+08:00"), ("facts", "only_exit, occupied"), ("facts", "only_exit"),
            ("closure_profile", "yanbian_jilin"), ("venue_code", "云和-42"), ("lat", "28.1"), ("lon", "119.5"),
            ("datum", "gcj02"), ("accuracy_m", "12"), ("venue_groups", "crowded, nine_small"), ("empty_points", "2"),
        ],
        rules,
    )  # fmt: skip
    assert context.inspection == InspectionContext(
        venue_type="rental_housing",
        venue_groups=("crowded", "nine_small"),
        counts={"missing_extinguisher": 2},
        scene="stairwell",
        facts=(Fact("only_exit", Source.PERSON), Fact("occupied", Source.PERSON)),
        closure_profile="yanbian_jilin",
    )
    assert context.captured_at == datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    assert context.position == Position(28.1, 119.5, "gcj02", 12.0)
    assert (context.source, context.venue_code) == ("cctv", "云和-42")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        pytest.param([("venue_type", "castle")], {"venue_type"}, id="unknown venue type"),
        pytest.param([("scene", "moon")], {"scene"}, id="unknown scene"),
        pytest.param([("facts", "only_exit,haunted")], {"facts"}, id="one unknown fact of two"),
        pytest.param([("venue_groups", "crowded,haunted")], {"venue_groups"}, id="one unknown group of two"),
        pytest.param([("empty_points", "0")], {"empty_points"}, id="no empty point"),
        pytest.param([("closure_profile", "mars")], {"closure_profile"}, id="unknown closure profile"),
        pytest.param([("source", "rumour")], {"source"}, id="unknown source"),
        pytest.param([("venue_tpye", "mall")], {"venue_tpye"}, id="misspelt name"),
        pytest.param([("scene", "stairwell"), ("scene", "indoor")], {"scene"}, id="given twice"),
        pytest.param([("captured_at", "2026-11-20T09:30:00")], {"captured_at"}, id="time without offset"),
        pytest.param([("captured_at", "2026")], {"captured_at"}, id="a bare year is no second of 1970"),
        pytest.param([("captured_at", "9999-12-31T23:59:59-12:00")], {"captured_at"}, id="time beyond the calendar"),
        pytest.param([("lat", "28"), ("lon", "119")], {"datum"}, id="position without datum"),
        pytest.param([("accuracy_m", "5")], {"lat", "lon", "datum"}, id="accuracy without position"),
        pytest.param([("lat", "91"), ("lon", "nan"), ("datum", "wgs84")], {"lat", "lon"}, id="outside the earth"),
        pytest.param([("venue_code", "a b\n")], {"venue_code"}, id="space in a code"),
        pytest.param([("scene", "x"), ("venue_type", "y")], {"scene", "venue_type"}, id="all wrong fields at once"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(rules, fields, wrong) -> None:
    with pytest.raises(Problem) as caught:
        parse_context(fields, rules)
    assert caught.value.status == 422
    assert {error["field"] for error in caught.value.extra["errors"]} == wrong


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-11-20T09:30:00", "got '2026-11-20T09:30:00', expected ISO 8601 with its offset"),
        ("2026-11-20T09:30:00 08:00", "in an address `+` is a space, write %2B"),
        ("2026-02-30T09:30:00Z", "got '2026-02-30T09:30:00Z', expected ISO 8601"),
        ("1970-01-01T00:00:00Z", "got 1970-01-01T00:00:00+00:00, expected the years 2000 to 2099"),
    ],
)
def test_a_wrong_time_is_told_with_what_was_got_and_what_to_do(rules, text, told) -> None:
    with pytest.raises(Problem) as caught:
        parse_context([("captured_at", text)], rules)
    assert told in caught.value.detail and caught.value.detail.startswith("captured_at: got")


def test_a_closed_set_names_what_is_allowed(rules) -> None:
    with pytest.raises(Problem) as caught:
        parse_context([("scene", "moon")], rules)
    assert caught.value.extra["errors"][0]["allowed"] == sorted(rules.scenes)
    assert "stairwell" in caught.value.detail


def test_a_clock_ahead_is_suspect_and_one_behind_is_only_late(rules) -> None:
    context = parse_context([("captured_at", "2026-11-20T09:30:00+00:00")], rules)
    shot = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert not context.clock_suspect(received_at=shot - CLOCK_TOLERANCE)
    assert context.clock_suspect(received_at=shot - CLOCK_TOLERANCE - timedelta(seconds=1))
    assert not context.clock_suspect(received_at=shot + timedelta(days=3))


def test_a_small_request_cannot_ask_for_a_huge_answer(rules) -> None:
    with pytest.raises(Problem) as caught:
        parse_context([("facts", ",".join(f"f{i}" for i in range(3000)))], rules)
    assert len(caught.value.extra["errors"]) == 8
