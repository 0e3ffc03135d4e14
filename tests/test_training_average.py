"""Averaging checkpoints: the mean by hand, and what is refused."""

import pytest

torch = pytest.importorskip("torch", reason="checkpoints need torch: install firewarden[train]")

from firewarden.errors import DatasetError
from firewarden.training.average import _seen, mean_state, merge_extra


def state(weight: float, count: int) -> dict[str, "torch.Tensor"]:
    return {"weight": torch.tensor([weight, 2 * weight]), "batches": torch.tensor(count)}


def test_a_quarter_and_three_quarters():
    mean = mean_state([state(1.0, 7), state(5.0, 9)], [0.25, 0.75])
    assert mean["weight"].tolist() == [4.0, 8.0]
    assert mean["batches"].item() == 9


def test_different_networks_are_refused():
    with pytest.raises(DatasetError, match="different networks"):
        mean_state([{"a": torch.zeros(1)}, {"b": torch.zeros(1)}], [0.5, 0.5])


def test_the_mean_names_the_made_pictures_of_all_its_runs_once():
    first, second = {"name": "rendered", "sha256": "a"}, {"name": "composed", "sha256": "b"}
    third = {"name": "rendered", "sha256": "c"}
    records = [{"extra": [first, second]}, {}, {"extra": [second, third]}]
    assert merge_extra(records) == [first, second, third]


def test_the_mean_counts_the_photos_of_all_its_runs_and_of_those_before_them():
    def seen(**sources: int) -> dict[str, object]:
        rows = [{"source": s, "licence": "MIT", "split": "train", "photos": n} for s, n in sources.items()]
        return {"photos": rows, "objects": {"door": 3 * len(rows)}, "untold": []}

    first = {"name": "a", "seen": seen(halls=4, yards=9), "parent": {"name": "z"}}
    told = _seen([first, {"name": "b", "seen": seen(halls=7)}])["seen"]
    assert [(row["source"], row["photos"]) for row in told["photos"]] == [("halls", 7), ("yards", 9)]
    assert (told["objects"], told["untold"]) == ({"door": 6}, ["z"])
    assert _seen([{"name": "a"}, {"name": "b"}]) == {}
