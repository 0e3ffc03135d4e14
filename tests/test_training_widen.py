"""A network made twice as wide answers as before. Untrained networks with random normalisation, shares worked out by hand."""

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="widening needs torch: install firewarden[train]")
pytest.importorskip("ultralytics", reason="widening needs ultralytics: install firewarden[train]")

from ultralytics.nn.tasks import DetectionModel, load_checkpoint

from firewarden.errors import ModelMismatch
from firewarden.training.ignore_loss import IgnoreAwareModel
from firewarden.training.restore import _empty_network
from firewarden.training.starting_model import build_model
from firewarden.training.train import _widened
from firewarden.training.widen import _copied_heads, _shares, _spread, widen

NAMES = {0: "door", 1: "carton", 2: "ebike"}
HEADS = ("one2one", "one2many")


def randomised(model: Any) -> Any:
    """`model` with other normalisation and biases in every channel, so that no two channels could be swapped unseen."""
    generator = torch.Generator().manual_seed(5)

    def between(low: float, high: float, like: "torch.Tensor") -> "torch.Tensor":
        return low + (high - low) * torch.rand(like.shape, generator=generator)

    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                for values, low, high in (
                    (layer.running_mean, -0.3, 0.3), (layer.running_var, 0.5, 1.5),
                    (layer.weight, 0.5, 1.5), (layer.bias, -0.3, 0.3),
                ):  # fmt: skip
                    values.copy_(between(low, high, values))
            elif isinstance(layer, torch.nn.Conv2d) and layer.bias is not None:
                layer.bias.copy_(between(-2, 2, layer.bias))
    return model.eval()


def fresh() -> Any:
    return IgnoreAwareModel("yolo26n.yaml", nc=3, verbose=False)


def of_another_width() -> Any:
    """Three classes behind a class branch that was made for eighty, as in all that began with COCO weights."""
    return _empty_network("n", 80, 3)


def of_coco() -> Any:
    """No scene layer, eighty classes."""
    return DetectionModel("yolo26n.yaml", nc=80, verbose=False)


Pair = tuple[Any, Any]  # a narrow network and its wide one


def pair_of(make: Callable[[], Any]) -> Pair:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        narrow = randomised(make())
    narrow.names = dict(enumerate(map(str, range(narrow.model[-1].nc))))
    return narrow, widen(narrow)


@pytest.fixture(scope="module")
def fresh_pair() -> Pair:
    return pair_of(fresh)


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Pair:
    return request.getfixturevalue("fresh_pair") if request.param is fresh else pair_of(request.param)


def answers(model: Any, *, training: bool) -> dict[str, "torch.Tensor"]:
    """Raw boxes (2, 4, anchors) and scores (2, classes, anchors) of both heads on two small pictures."""
    model = copy.deepcopy(model).train(training)  # training moves what normalisations keep
    pictures = torch.rand((2, 3, 64, 96), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        answer = model(pictures)
    heads = answer[1] if isinstance(answer, tuple) else answer
    return {f"{head} {part}": heads[head][part] for head in HEADS for part in ("boxes", "scores")}


@pytest.mark.parametrize(
    ("training", "tolerance"),
    [
        pytest.param(False, 2e-5, id="as it serves"),
        pytest.param(True, 2e-3, id="as it trains"),  # six cells a channel: their variance magnifies rounding
    ],
)
@pytest.mark.parametrize("pair", [fresh, of_another_width, of_coco], indirect=True)
def test_the_wide_network_answers_as_the_narrow_one(pair: Pair, training: bool, tolerance: float) -> None:
    expected, got = (answers(model, training=training) for model in pair)
    for name, values in expected.items():
        assert values.std() > 0.3, name  # there is something to get wrong
        assert (got[name] - values).abs().max() < tolerance, name


@pytest.mark.parametrize("pair", [fresh, of_another_width], indirect=True)
def test_it_is_the_next_larger_scale(pair: Pair) -> None:
    narrow, wide = pair
    assert (wide.yaml["scale"], wide.yaml["nc"], wide.model[-1].nc) == ("s", 3, 3)
    assert wide.names == narrow.names
    assert {level[-1].in_channels for level in wide.model[-1].one2one_cv3} == {128}
    assert wide.model[0].conv.out_channels == 2 * narrow.model[0].conv.out_channels


def test_the_weights_of_the_copies_add_up_and_differ(fresh_pair: Pair) -> None:
    narrow, wide = (model.model[1].conv.weight.detach() for model in fresh_pair)
    left, right = wide[:, 0::2], wide[:, 1::2]
    for output in (0, 1):  # both copies of each output read the same sum
        assert torch.allclose((left + right)[output::2], narrow, atol=1e-6)
    share = left / (left + right)
    assert ((share - 0.5).abs() > 0.01).float().mean() > 0.8
    assert 0.299 < share.min() < 0.35 and 0.65 < share.max() < 0.701
    assert not torch.allclose(wide[0::2], wide[1::2])  # each copy draws its own


def test_copies_come_apart_with_the_first_step(fresh_pair: Pair) -> None:
    """They answer alike at first, but what reads them in other shares sends other gradients back."""
    wide = copy.deepcopy(fresh_pair[1]).train()
    first = wide.model[0].conv.weight
    assert torch.equal(first[0::2], first[1::2])
    pictures = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    wide(pictures)["one2many"]["scores"].square().mean().backward()
    left, right = first.grad[0::2], first.grad[1::2]
    apart = (left - right).flatten(1).norm(dim=1) / (left + right).flatten(1).norm(dim=1)
    assert apart.min() > 1e-3


def test_a_checkpoint_is_widened_the_same_way_each_time_and_trained_from(
    fresh_pair: Pair, tmp_path: Path
) -> None:
    narrow, wide = fresh_pair
    narrow.names = NAMES
    torch.save({"model": narrow, "train_args": {}}, tmp_path / "best.pt")
    torch.manual_seed(99)  # what was drawn before does not matter
    path = _widened(tmp_path / "best.pt", tmp_path)
    assert path == tmp_path / "best-wide.pt"
    again, _ = load_checkpoint(str(path))
    for name, values in wide.state_dict().items():
        assert torch.equal(again.state_dict()[name], values), name
    start = build_model(again.yaml, again, list(NAMES.values()))  # as a run does
    expected, got = answers(wide, training=False), answers(start, training=False)
    assert start.names == NAMES
    assert all(torch.equal(got[name], values) for name, values in expected.items())


@pytest.mark.parametrize(
    ("old", "new", "copied"),
    [
        pytest.param(3, 3, [0, 1, 2], id="a picture's colours stay"),
        pytest.param(3, 6, [0, 0, 1, 1, 2, 2], id="twice: side by side"),
        pytest.param(80, 128, [*range(80), *range(48)], id="80 to 128: the first 48 again"),
    ],
)
def test_which_channels_are_copied(old: int, new: int, copied: list[int]) -> None:
    assert _spread(old, new).tolist() == copied


def test_heads_are_copied_whole() -> None:
    narrow = SimpleNamespace(get_submodule={"model.10.m.0.attn": SimpleNamespace(num_heads=2)}.__getitem__)
    copied = _copied_heads(narrow, "model.10.m.0.attn.qkv.conv", 6)
    assert copied.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]


def test_shares_of_a_channel_sum_to_one() -> None:
    shares = _shares(_spread(80, 128), 7, torch.Generator().manual_seed(0))
    assert shares.shape == (7, 128)
    assert torch.allclose(shares[:, :48] + shares[:, 80:], torch.ones(7, 48))
    assert (shares[:, 48:80] == 1).all()  # 32 channels have no copy
    assert shares[:, :48].min() >= 0.3 - 1e-6 and shares[:, :48].max() <= 0.7 + 1e-6
    assert not torch.equal(shares, _shares(_spread(80, 128), 7, torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("scale", ["s", "m", ""])
def test_other_scales_are_refused(scale: str) -> None:
    with pytest.raises(ModelMismatch) as refusal:
        widen(SimpleNamespace(yaml={"scale": scale}))
    assert str(refusal.value) == f"got a network of scale {scale!r}, expected one of ['n'] to be widened."


def test_another_network_of_that_scale_is_refused() -> None:
    other = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3))
    other.yaml, other.names = {"scale": "n"}, NAMES
    with pytest.raises(ModelMismatch, match=r"no YOLO26 of scale 'n', expected its layers"):
        widen(other)
