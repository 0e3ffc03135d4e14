"""How often photos are listed, by hand."""

import pytest

from firewarden.errors import DatasetError
from firewarden.training.balance import Balance, part_sizes, repeat_factors, resample, round_factors


def test_a_photo_is_repeated_for_its_rarest_class() -> None:
    # ten photos: class 0 on all, class 1 on one (share 0.1), class 2 on four (share 0.4)
    photos = [[0, 1, 1], [0, 2], [0, 2], [0, 2], [0, 2], *[[0]] * 5]
    balance = Balance(power=0.5, cap=4, threshold=0.4)
    assert repeat_factors(photos, balance) == pytest.approx([2.0] + [1.0] * 9)  # sqrt(0.4 / 0.1)


def test_no_photo_is_repeated_more_than_the_cap_or_less_than_once() -> None:
    photos = [[1], *[[0]] * 99]  # sqrt(0.25 / 0.01) = 5
    assert repeat_factors(photos, Balance(0.5, 4, 0.25)) == [4.0] + [1.0] * 99
    assert repeat_factors(photos, Balance(0.5, 9, 0.25))[0] == pytest.approx(5.0)


def test_power_one_repeats_in_full() -> None:
    assert repeat_factors([[1], *[[0]] * 9], Balance(1.0, 9, 0.5))[0] == pytest.approx(5.0)


def test_photos_without_objects_count_once() -> None:
    assert repeat_factors([[], []], Balance()) == [1.0, 1.0]
    assert repeat_factors([], Balance()) == []


def test_rounding_keeps_whole_factors_and_the_mean_of_others() -> None:
    assert round_factors([1.0, 3.0], seed=5) == [1, 3]
    drawn = round_factors([2.25] * 4000, seed=0)
    assert set(drawn) == {2, 3} and sum(drawn) / 4000 == pytest.approx(2.25, abs=0.03)
    assert drawn == round_factors([2.25] * 4000, seed=0)


@pytest.mark.parametrize(
    ("power", "cap", "threshold"), [(0, 4, 0.1), (0.5, 0.9, 0.1), (0.5, 4, 0), (0.5, 4, 1.1)]
)
def test_senseless_balances_are_refused(power: float, cap: float, threshold: float) -> None:
    with pytest.raises(DatasetError, match="expected power above 0"):
        Balance(power, cap, threshold)


@pytest.mark.parametrize(
    ("times", "total", "allowed"),
    [
        pytest.param([1, 1, 1], 3, [{1}, {1}, {1}], id="as it is"),
        pytest.param([2, 1], 6, [{4}, {2}], id="two whole rounds"),
        pytest.param([1, 1], 3, [{1, 2}, {1, 2}], id="one round and one more"),
        pytest.param([1, 1, 1], 2, [{0, 1}, {0, 1}, {0, 1}], id="two of three"),
        pytest.param([3, 1], 2, [{1, 2}, {0, 1}], id="two of four entries"),
    ],
)
def test_resampling_meets_the_total(times: list[int], total: int, allowed: list[set[int]]) -> None:
    for seed in range(8):
        drawn = resample(times, total, seed)
        assert sum(drawn) == total and all(n in fits for n, fits in zip(drawn, allowed, strict=True))
        assert drawn == resample(times, total, seed)


def test_resampling_nothing_is_refused() -> None:
    with pytest.raises(DatasetError, match="at least one"):
        resample([], 3, 0)


@pytest.mark.parametrize(
    ("real", "parts", "listed", "sizes"),
    [
        pytest.param(70, [(500, 0.3)], None, [70, 30], id="70 real are seven tenths of 100"),
        pytest.param(60, [(10, None), (5, 0.2), (99, 0.1)], None, [60, 10, 20, 10], id="70 are seven tenths"),
        pytest.param(50, [], None, [50], id="real alone"),
        pytest.param(50, [], 120, [120], id="real alone, resampled"),
        pytest.param(70, [(8, 0.25)], 200, [150, 50], id="a fixed number"),
        pytest.param(70, [(8, None)], 20, [12, 8], id="a fixed number, the other part as it is"),
    ],
)
def test_sizes_of_the_parts(
    real: int, parts: list[tuple[int, float | None]], listed: int | None, sizes: list[int]
) -> None:
    assert part_sizes(real, parts, listed) == sizes


def test_shares_leave_room_for_real_photos() -> None:
    with pytest.raises(DatasetError, match="sum to 1.1"):
        part_sizes(10, [(5, 0.6), (5, 0.5)], None)
    with pytest.raises(DatasetError, match="room for real ones"):
        part_sizes(10, [(8, None)], 8)
