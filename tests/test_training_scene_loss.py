"""The scene term of training: boxes of scenes, what is pooled under them, and the loss, worked out by hand."""

import math

import pytest

torch = pytest.importorskip("torch", reason="the loss needs torch: install firewarden[train]")

from firewarden.training.scene_loss import SceneAux, pool, scene_rows
from firewarden.training.scenes import SCENES, scene_index

LEFT_HALF = (0.25, 0.5, 0.5, 1.0)
RIGHT_HALF = (0.75, 0.5, 0.5, 1.0)


def rows_of(*rows: tuple[int, int, tuple[float, float, float, float]]) -> dict[str, "torch.Tensor"]:
    return {
        "batch_idx": torch.tensor([row[0] for row in rows]),
        "cls": torch.tensor([row[1] for row in rows]),
        "bboxes": torch.tensor([row[2] for row in rows]),
    }


@pytest.mark.parametrize(
    ("tag", "scene"),
    [
        ("corridor", "evacuation_corridor"),
        ("stairwell", "evacuation_corridor"),
        ("private_room", "indoor"),
        ("fire_lane", "outdoor_open"),
        ("elevator_car", "elevator_car"),
        ("close_up", None),
        ("", None),
    ],
)
def test_tags_merge_to_the_scenes_of_the_output(tag: str, scene: str | None) -> None:
    index = scene_index(tag)
    assert (None if index is None else SCENES[index]) == scene


def test_scene_rows_are_those_beyond_labels_and_ignore_regions() -> None:
    batch = {
        "batch_idx": torch.tensor([0.0, 0.0, 1.0, 1.0]),
        "cls": torch.tensor([[2.0], [5.0], [6.0], [9.0]]),  # 3 classes: label, ignore, scene 0, scene 3
        "bboxes": torch.rand(4, 4),
    }
    rows = scene_rows(batch, class_count=3)
    assert rows["cls"].tolist() == [0, 3]
    assert rows["batch_idx"].tolist() == [1, 1]
    assert torch.equal(rows["bboxes"], batch["bboxes"][2:])


def test_pooling_is_the_mean_of_the_cells_of_a_mask() -> None:
    level = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[5.0, 6.0], [7.0, 8.0]]]])  # (2, 1, 2, 2)
    mask = torch.tensor([[True, False, True, False], [True, True, True, True]])
    pooled = pool(level, torch.tensor([1, 0]), mask)
    assert pooled.tolist() == [[6.0], [2.5]]  # (5 + 7) / 2 of the second picture; the mean of the first


def test_a_mosaic_is_judged_part_by_part() -> None:
    """Two scenes side by side: features under each box alone decide its loss."""
    aux = SceneAux([1, 2, 2])
    with torch.no_grad():
        aux.norm.weight.fill_(1.0), aux.norm.bias.zero_()
        aux.linear.weight.zero_(), aux.linear.bias.zero_()
    maps = [torch.rand(1, c, 4 * s, 4 * s) for c, s in ((1, 4), (2, 2), (2, 1))]
    rows = rows_of((0, 0, LEFT_HALF), (0, 3, RIGHT_HALF))
    assert aux(maps, rows).item() == pytest.approx(math.log(len(SCENES)))  # knows nothing yet
    optimizer = torch.optim.SGD(aux.parameters(), lr=1.0)
    for _ in range(200):
        optimizer.zero_grad()
        aux(maps, rows).backward()
        optimizer.step()
    assert aux(maps, rows).item() < 0.1  # the halves differ, so they can be told apart


def test_a_sliver_of_a_photo_says_nothing() -> None:
    aux = SceneAux([1, 2, 2])
    maps = [torch.rand(1, c, 4 * s, 4 * s) for c, s in ((1, 4), (2, 2), (2, 1))]
    assert aux(maps, rows_of((0, 0, (0.1, 0.1, 0.2, 0.2)))).item() == 0.0
