"""Splits: places stay whole, classes come near their shares, the same seed gives the same split."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder, register_file

from firewarden.datasets.manifest import PhotoRecord, read_manifest, shared_places
from firewarden.datasets.manifest_rows import read_table, write_table
from firewarden.datasets.register import read_register
from firewarden.datasets.splits import (
    SplitPlan,
    barred_splits,
    class_shares,
    count_boxes,
    parse_shares,
    split_by_place,
    with_splits,
)
from firewarden.errors import DatasetError

HALVES = SplitPlan({"train": 0.5, "val": 0.5})


def record(number: int, place: str, source: str = "drawn") -> PhotoRecord:
    return PhotoRecord(f"images/{number}.png", "train", source, "none stated", place, "corridor")


def splits_of(records) -> dict[str, set[str]]:
    return {r.place_group: {o.split for o in records if o.place_group == r.place_group} for r in records}


def test_two_rare_boxes_go_to_two_splits() -> None:
    records = [record(n, place) for n, place in enumerate("abcd")]
    counts = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], float)
    for seed in range(5):
        chosen = split_by_place(records, counts, SplitPlan(HALVES.shares, seed))
        assert class_shares(chosen, counts) == {"train": (0.5, 0.5, 0.5), "val": (0.5, 0.5, 0.5)}


def test_a_large_place_goes_where_it_fits() -> None:
    records = [record(n, "campus") for n in range(8)] + [record(8, "yard"), record(9, "hall")]
    chosen = split_by_place(records, np.zeros((10, 1)), SplitPlan({"train": 0.8, "val": 0.2}))
    assert splits_of(chosen) == {"campus": {"train"}, "yard": {"val"}, "hall": {"val"}}


places = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)),
    min_size=6,
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(photos=places, seed=st.integers(0, 50))
def test_no_place_is_cut_and_the_same_seed_gives_the_same_split(photos, seed: int) -> None:
    photos = [*photos, (100, 1, 1, 1), (101, 1, 1, 1), (102, 1, 1, 1), (103, 1, 1, 1)]
    records = [record(number, f"place{photo[0]}") for number, photo in enumerate(photos)]
    counts = np.array([photo[1:] for photo in photos], float)
    plan = SplitPlan({"train": 0.5, "val": 0.5}, seed)
    chosen = split_by_place(records, counts, plan)
    assert shared_places(chosen) == frozenset()
    assert [r.file for r in chosen] == [r.file for r in records]
    assert chosen == split_by_place(records, counts, plan)
    # no single place could move and bring the shares nearer to a half
    weights = np.column_stack([np.ones(len(records)), counts])
    weights = weights / np.maximum(weights.sum(axis=0), 1)
    train = np.array([r.split == "train" for r in chosen])

    def gap(members) -> float:
        have = np.array([weights[members].sum(axis=0), weights[~members].sum(axis=0)])
        return float(((have - 0.5) ** 2).sum())

    for place in {r.place_group for r in records}:
        of_place = np.array([r.place_group == place for r in records])
        moved = train ^ of_place
        assert moved.all() or not moved.any() or gap(moved) >= gap(train) - 1e-9


def test_many_places_come_near_their_shares() -> None:
    rng = np.random.default_rng(1)
    records = [record(n, f"place{n // 3}") for n in range(600)]
    counts = rng.poisson((2.0, 0.3, 0.05), (600, 3)).astype(float)
    shares = class_shares(
        split_by_place(records, counts, SplitPlan({"train": 0.7, "val": 0.2, "test": 0.1})), counts
    )
    for split, target in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        np.testing.assert_allclose(shares[split], target, atol=0.02)


def test_the_register_bars_splits(tmp_path: Path) -> None:
    register = read_register(register_file(tmp_path, used_for=["evaluation"]))
    records = [record(0, "lift"), record(1, "lift", "found"), record(2, "hall")]
    barred = barred_splits(records, register)
    assert barred == {"lift": {"train", "val", "test"}, "hall": {"train"}}
    with pytest.raises(DatasetError, match=r"1 place groups may go to none of .* first 'lift'"):
        split_by_place(records, np.zeros((3, 1)), HALVES, barred)


def test_a_barred_place_stays_out_of_train() -> None:
    records = [record(n, str(n)) for n in range(10)]
    barred = {str(n): frozenset({"train"}) for n in range(7)}
    chosen = split_by_place(records, np.zeros((10, 1)), SplitPlan({"train": 0.8, "val": 0.2}), barred)
    assert [r.split for r in chosen] == ["val"] * 7 + ["train"] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("train=0.8,val=0.1", "sum to 1", id="nine tenths"),
        pytest.param("train=0.8,valid=0.2", "got shares", id="unknown split"),
        pytest.param("train=1.2,val=-0.2", "numbers above 0", id="below nothing"),
        pytest.param("train,val", "got 'train', expected name=number", id="no numbers"),
    ],
)
def test_shares_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        SplitPlan(parse_shares(text))


def test_too_few_places(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="got 1 place groups for 2 splits"):
        split_by_place([record(0, "hall")], np.zeros((1, 1)), HALVES)
    records = [record(n, place) for n, place in enumerate("abc")]
    with pytest.raises(DatasetError, match=r"no place group fits into \['val'\]"):
        split_by_place(records, np.zeros((3, 1)), SplitPlan({"train": 0.95, "val": 0.05}))


def test_photos_without_a_place_group_part() -> None:
    chosen = split_by_place([record(0, ""), record(1, "")], np.zeros((2, 1)), HALVES)
    assert {r.split for r in chosen} == {"train", "val"}


def test_a_new_manifest_keeps_further_columns_and_leaves_out_what_was_left_out(tmp_path: Path) -> None:
    photos = [Photo("a", labels=((1, 0.5, 0.5, 0.2, 0.2), (9, 0.5, 0.5, 0.2, 0.2))), Photo("b"), Photo("c")]
    folder = build_data_folder(tmp_path / "data", photos, ("door", "person"))
    manifest = folder / "manifest.csv"
    manifest.write_text(
        manifest.read_text().replace("scene\n", "scene,note\n").replace("corridor\n", 'corridor,"x, y"\n')
    )
    records = read_manifest(folder)[:2]
    assert count_boxes(folder, records).tolist() == [[0, 1], [0, 0]]
    chosen = split_by_place(records, count_boxes(folder, records), HALVES)
    write_table(tmp_path / "new.csv", with_splits(read_table(manifest), chosen))
    header, *rows = (tmp_path / "new.csv").read_text().splitlines()
    assert header == "file,split,source,licence,place_group,scene,note"
    assert sorted(row.split(",")[1] for row in rows) == ["train", "val"]
    assert all(row.endswith(',"x, y"') for row in rows)


def test_a_manifest_with_ragged_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("file,split\na.png\n")
    with pytest.raises(DatasetError, match="as many cells"):
        read_table(tmp_path / "manifest.csv")
