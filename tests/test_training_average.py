"""Averaging checkpoints: the mean by hand, and what is refused."""

import pytest

torch = pytest.importorskip("torch", reason="checkpoints need torch: install firewarden[train]")

from firewarden.errors import DatasetError
from firewarden.training.average import mean_state, merge_extra


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
