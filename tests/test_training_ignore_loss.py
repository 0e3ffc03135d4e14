"""Ignore regions in the loss and in validation, and what the head takes over from COCO. Anchors and rows by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the loss needs torch: install firewarden[train]")
pytest.importorskip("ultralytics", reason="the loss needs ultralytics: install firewarden[train]")

from ultralytics.utils.loss import v8DetectionLoss

from firewarden.training.head_init import copy_class_rows
from firewarden.training.ignore_loss import IgnoreAwareLoss, ignore_mask, split_ignore
from firewarden.training.trainer import IgnoreAwareValidator

CLASS_COUNT = 3
INPUT_HW = (64, 96)  # not square: swapped axes would show
STRIDES = (8, 16, 32)
Rows = list[tuple[int, int, tuple[float, float, float, float]]]  # image, coded class, cxcywh
REAL: Rows = [(0, 0, (0.25, 0.5, 0.3, 0.5)), (1, 2, (0.6, 0.4, 0.4, 0.4))]


def batch_of(rows: Rows) -> dict[str, Any]:
    return {
        "batch_idx": torch.tensor([float(row[0]) for row in rows]),
        "cls": torch.tensor([[float(row[1])] for row in rows]).reshape(-1, 1),
        "bboxes": torch.tensor([row[2] for row in rows]).reshape(-1, 4),
    }


def head_of(class_count: int) -> Any:
    """What the loss asks of a model: gains, strides, class count, and a device."""
    head = SimpleNamespace(stride=torch.tensor(STRIDES, dtype=torch.float32), nc=class_count, reg_max=1)
    gains = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=1)
    return SimpleNamespace(parameters=lambda: iter([torch.zeros(1)]), args=gains, model=[head])


def random_predictions(seed: int = 0) -> dict[str, Any]:
    """Raw outputs for two photos of `INPUT_HW`: 96 + 24 + 6 anchors. Scores are low, so every target is above them."""
    generator = torch.Generator().manual_seed(seed)
    grids = [(INPUT_HW[0] // s, INPUT_HW[1] // s) for s in STRIDES]
    anchors = sum(h * w for h, w in grids)
    return {
        "boxes": torch.rand((2, 4, anchors), generator=generator) * 3 + 0.5,
        "scores": (torch.randn((2, CLASS_COUNT, anchors), generator=generator) - 6).requires_grad_(),
        "feats": [torch.zeros(2, 1, h, w) for h, w in grids],
    }


def centres() -> np.ndarray:
    """Anchor centres (126, 2) as x, y in [0, 1], level by level, row by row."""
    h, w = INPUT_HW
    return np.array(
        [
            ((x + 0.5) * s / w, (y + 0.5) * s / h)
            for s in STRIDES
            for y in range(h // s)
            for x in range(w // s)
        ]
    )


def class_gradient(rows: Rows) -> np.ndarray:
    """Gradient of the class term with respect to the scores, (images, anchors, classes)."""
    predictions = random_predictions()
    loss, _ = IgnoreAwareLoss(head_of(CLASS_COUNT)).loss(predictions, batch_of(rows))
    loss[1].backward()
    return predictions["scores"].grad.permute(0, 2, 1).numpy()


def test_ignore_rows_are_taken_out_of_the_batch() -> None:
    batch = {
        **batch_of([(0, 2, (0.1,) * 4), (0, 3, (0.2,) * 4), (1, 5, (0.3,) * 4), (1, 0, (0.4,) * 4)]),
        "img": "x",
    }
    kept, ignored = split_ignore(batch, CLASS_COUNT)
    assert kept["img"] == "x"
    assert kept["cls"].tolist() == [[2.0], [0.0]] and kept["batch_idx"].tolist() == [0.0, 1.0]
    assert kept["bboxes"][:, 0].tolist() == pytest.approx([0.1, 0.4])
    assert ignored["cls"].tolist() == [0, 2] and ignored["batch_idx"].tolist() == [0, 1]
    assert ignored["bboxes"][:, 0].tolist() == pytest.approx([0.2, 0.3])
    assert len(batch["cls"]) == 4  # the caller's batch is left as it was


def test_an_empty_batch_splits_into_nothing() -> None:
    kept, ignored = split_ignore(batch_of([]), CLASS_COUNT)
    assert len(kept["cls"]) == len(ignored["cls"]) == 0
    assert kept["cls"].shape == (0, 1) and ignored["bboxes"].shape == (0, 4)


def test_the_mask_of_two_anchors() -> None:
    anchors = torch.tensor([[0.25, 0.5], [0.75, 0.5]])
    _, ignored = split_ignore(
        batch_of([(1, 3, (0.25, 0.5, 0.2, 0.2)), (0, 5, (0.5, 0.5, 1, 1)), (0, 4, (0.75, 0.8, 0.2, 0.4))]),
        CLASS_COUNT,
    )
    assert ignore_mask(ignored, anchors, (2, 2, CLASS_COUNT)).int().tolist() == [
        [[0, 0, 1], [0, 0, 1]],  # photo 0: class 2 everywhere; the box of class 1 lies below both
        [[1, 0, 0], [0, 0, 0]],  # photo 1: class 0 round the left anchor
    ]


@pytest.mark.parametrize("boxes", [2, 3], ids=["two", "three"])
def test_where_ignore_boxes_of_a_class_overlap_it_stays_ignored(boxes: int) -> None:
    """The left anchor lies in all boxes, the middle one in the first alone, the right one in none."""
    anchors = torch.tensor([[0.25, 0.5], [0.5, 0.5], [0.75, 0.5]])
    rows: Rows = [(1, 4, (0.35, 0.5, 0.4, 0.4)), *[(1, 4, (0.2, 0.5, 0.2, 0.2))] * (boxes - 1)]
    _, ignored = split_ignore(batch_of(rows), CLASS_COUNT)
    assert ignore_mask(ignored, anchors, (2, 3, CLASS_COUNT)).int().tolist() == [
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [0, 1, 0], [0, 0, 0]],
    ]


def test_without_ignore_boxes_the_mask_is_empty() -> None:
    _, ignored = split_ignore(batch_of(REAL), CLASS_COUNT)
    mask = ignore_mask(ignored, torch.rand(5, 2), (2, 5, CLASS_COUNT))
    assert (mask.shape, mask.dtype, mask.any().item()) == ((2, 5, CLASS_COUNT), torch.bool, False)


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((0.5, 0.5, 1.0, 1.0), id="not checked anywhere"),
        pytest.param((0.25, 0.5, 0.5, 1.0), id="left half"),
        pytest.param((0.5, 0.875, 1.0, 0.25), id="lowest quarter"),
        pytest.param((0.7, 0.3, 0.3, 0.2), id="somewhere"),
    ],
)
@pytest.mark.parametrize("class_id", range(CLASS_COUNT))
def test_inside_an_ignore_box_its_class_has_no_gradient(box, class_id: int) -> None:
    """Photo 0 has no object: outside the ignore box every score is pushed down, inside it the class is let alone."""
    gradient = class_gradient([(0, class_id + CLASS_COUNT, box), REAL[1]])
    x, y = centres().T
    inside = (abs(x - box[0]) <= box[2] / 2) & (abs(y - box[1]) <= box[3] / 2)
    assert inside.any()
    assert (gradient[0, inside, class_id] == 0).all()
    assert (gradient[0, ~inside, class_id] > 0).all()
    others = [c for c in range(CLASS_COUNT) if c != class_id]
    assert (gradient[0][:, others] > 0).all()
    assert (gradient[1] != 0).all()  # the other photo is not touched


def test_an_object_inside_an_ignore_box_of_its_class_is_still_learnt() -> None:
    gradient = class_gradient([REAL[0], (0, REAL[0][1] + CLASS_COUNT, (0.5, 0.5, 1, 1))])
    assert (gradient[0, :, 0] < 0).any()  # pushed up where the object was assigned
    assert (gradient[0, :, 0] <= 0).all()  # and never down


@pytest.mark.parametrize(
    "rows", [pytest.param(REAL, id="objects"), pytest.param(REAL[:1], id="one empty photo"), pytest.param([], id="none")]
)  # fmt: skip
def test_without_ignore_rows_the_loss_is_the_stock_one(rows: Rows) -> None:
    ours, _ = IgnoreAwareLoss(head_of(CLASS_COUNT)).loss(random_predictions(), batch_of(rows))
    stock, _ = v8DetectionLoss(head_of(CLASS_COUNT)).loss(random_predictions(), batch_of(rows))
    assert stock[1] > 0
    torch.testing.assert_close(ours, stock, rtol=0, atol=0)


def test_a_batch_with_ignore_rows_leaves_no_mask_behind() -> None:
    loss = IgnoreAwareLoss(head_of(CLASS_COUNT))
    plain, _ = loss.loss(random_predictions(), batch_of(REAL))
    with_ignore, _ = loss.loss(random_predictions(), batch_of([*REAL, (0, 4, (0.5, 0.5, 1, 1))]))
    again, _ = loss.loss(random_predictions(), batch_of(REAL))
    assert with_ignore[1] < plain[1]
    torch.testing.assert_close(
        with_ignore[[0, 2]], plain[[0, 2]], rtol=0, atol=0
    )  # boxes are learnt as before
    torch.testing.assert_close(again, plain, rtol=0, atol=0)


def network(names: list[str], weight: list[list[float]], bias: list[float], branches: int = 1) -> Any:
    """A model that is only the last layer of its class branches: one level, `branches` heads."""
    heads = []
    for _ in range(branches):
        layer = torch.nn.Conv2d(len(weight[0]), len(weight), 1)
        layer.weight.data = torch.tensor(weight)[:, :, None, None]
        layer.bias.data = torch.tensor(bias)
        heads.append([[torch.nn.Identity(), layer]])
    head = SimpleNamespace(cv3=heads[0], one2one_cv3=heads[1] if branches == 2 else None)
    return SimpleNamespace(names=dict(enumerate(names)), model=[None, head])


COCO = ["car", "bus", "truck", "person", "fire hydrant", "bottle"]
COCO_ROWS = [[1.0, 10.0], [2.0, 20.0], [6.0, 30.0], [7.0, -7.0], [0.0, 4.0], [1.0, 8.0]]
COCO_BIAS = [-1.0, -2.0, -6.0, -4.0, -8.0, -9.0]


@pytest.mark.parametrize("branches", [1, 2], ids=["one head", "one-to-one head too"])
def test_class_rows_are_means_of_their_coco_rows(branches: int) -> None:
    source = network(COCO, COCO_ROWS, COCO_BIAS, branches)
    classes = ["vehicle", "person", "extinguisher", "chain_lock"]
    target = network(classes, [[0.5, 0.25]] * 4, [0.0] * 4, branches)
    used = copy_class_rows(source, target, classes)
    assert used == {
        "vehicle": ["car", "bus", "truck"],
        "person": ["person"],
        "extinguisher": ["fire hydrant", "bottle"],
        "chain_lock": [],
    }
    head = target.model[-1]
    for branch in [head.cv3, head.one2one_cv3][:branches]:
        layer = branch[0][-1]
        assert layer.weight[:, :, 0, 0].tolist() == [
            [3.0, 20.0],  # (1 + 2 + 6) / 3, (10 + 20 + 30) / 3
            [7.0, -7.0],
            [0.5, 6.0],
            [0.5, 0.25],  # no kin: fresh weights, and the most cautious bias
        ]
        assert layer.bias.tolist() == [-3.0, -4.0, -8.5, -9.0]
    assert source.model[-1].cv3[0][-1].bias.tolist() == COCO_BIAS


def test_a_head_of_another_width_is_refused() -> None:
    source = network(COCO, COCO_ROWS, COCO_BIAS)
    with pytest.raises(ValueError, match="head width 3 differs from the source's 2"):
        copy_class_rows(source, network(["person"], [[0.0] * 3], [0.0]), ["person"])


def validated(labels: Rows, found: list[tuple[int, tuple[float, float, float, float]]]) -> list[int]:
    """Indices of the detections (class, xyxy px of a 64 x 96 photo) that validation counts."""
    validator = IgnoreAwareValidator(save_dir=Path("unused"))
    validator.nc, validator.device = CLASS_COUNT, torch.device("cpu")
    photo = {"ori_shape": [INPUT_HW], "ratio_pad": [((1, 1), (0, 0))], "im_file": ["a.jpg"]}
    batch = {**batch_of(labels), **photo, "img": torch.zeros(1, 3, *INPUT_HW)}
    prepared = validator._prepare_batch(0, batch)
    assert (prepared["cls"] < CLASS_COUNT).all() and len(prepared["cls"]) == len(prepared["bboxes"])
    counted = validator._prepare_pred(
        {
            "bboxes": torch.tensor([row[1] for row in found]).reshape(-1, 4),
            "cls": torch.tensor([float(row[0]) for row in found]),
            "index": torch.arange(len(found)),
        }
    )
    return counted["index"].tolist()


@pytest.mark.parametrize(
    ("labels", "found", "counted"),
    [
        pytest.param([], [(0, (0, 0, 9, 9))], [0], id="no ignore box"),
        pytest.param([(0, 3, (0.5, 0.5, 1, 1))], [], [], id="no detection"),
        pytest.param(
            [(0, 3, (0.25, 0.5, 0.5, 1))],  # class 0, x below 48
            [(0, (0, 0, 40, 40)), (1, (0, 0, 40, 40)), (0, (30, 0, 60, 40)), (0, (40, 0, 60, 40))],
            [1, 3],  # of the third 18 of 30 columns lie inside, of the fourth 8 of 20
            id="inside, another class, mostly inside, mostly outside",
        ),
        pytest.param(
            [
                (0, 0, (0.25, 0.5, 0.5, 1)),
                (0, 3, (0.5, 0.5, 1, 1)),
            ],  # an object in a photo checked only in part
            [(0, (0, 0, 48, 60)), (0, (60, 0, 90, 60)), (0, (0, 0, 20, 60))],
            [0],
            id="a hit counts although its class was not checked everywhere",
        ),
    ],
)
def test_what_validation_counts(labels, found, counted) -> None:
    assert validated(labels, found) == counted
