"""Fitting the scene layer: multinomial logistic regression, its strength and temperature chosen by place-wise cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.training.scenes import OUTDOOR

_STRENGTHS = (0.003, 0.01, 0.03, 0.1)
_TEMPERATURES = tuple(np.geomspace(0.4, 4.0, 41).tolist())
_FOLDS = 5
_ENOUGH = 50  # val photos; fewer would set the temperature by chance
Features = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SceneHead:
    """`weight (s, c)`, `bias (s,)` of softmax(weight @ embedding + bias), scene names, and how well it did."""

    names: tuple[str, ...]
    weight: Features
    bias: Features
    report: Mapping[str, float]


NO_SCENES = SceneHead((), np.empty((0, 0), np.float32), np.empty(0, np.float32), {"cross_validated_n": 0.0})


@dataclass(frozen=True, slots=True)
class Seen:
    """Features (n, c), scene index (n,) and place (n,) of n views; without a view c may be 0."""

    features: Features
    labels: Labels
    places: Sequence[str]


def fit_scene_head(train: Seen, val: Seen, names: Sequence[str], made: Seen | None = None) -> SceneHead:
    """Rare scenes are weighted up. Strength of the L2 term and temperature are those with the lowest loss on places of
    `train` left out of the fit; `made` pictures join the fit and choose nothing, since their places are easily told. The
    network has seen the tags of train places while it was trained, so its features tell these too well: where `val` has
    enough photos, the temperature that suits them is taken if it is the larger one. `val` may be empty.

    Features are standardised for the fit; scaling and temperature are folded into the returned weights.
    """
    fitted, chooses = _together(train, made), slice(len(train.labels))
    mean, scale = fitted.features.mean(axis=0), fitted.features.std(axis=0) + 1e-6
    x = (fitted.features - mean) / scale
    new = val.features.reshape(len(val.labels), len(mean))
    folds = _folds(fitted.places)
    held_out = [
        _held_out_logits(x, fitted.labels, folds, len(names), strength)[chooses] for strength in _STRENGTHS
    ]
    chosen = [_best_temperature(logits, train.labels) for logits in held_out]
    best = int(np.argmin([loss for loss, _ in chosen]))
    weight, bias = _fit(x, fitted.labels, len(names), _STRENGTHS[best])
    unseen = (new - mean) / scale @ weight.T + bias
    temperature = max(
        chosen[best][1], _best_temperature(unseen, val.labels)[1] if len(unseen) >= _ENOUGH else 0
    )
    weight, bias = weight / temperature, bias / temperature
    folded = (weight / scale).astype(np.float32)
    shift = (bias - (weight / scale) @ mean).astype(np.float32)
    report = {
        **_figures("cross_validated", held_out[best] / temperature, train.labels, names),
        **_figures("val", new @ folded.T + shift, val.labels, names),
        "strength": _STRENGTHS[best],
        "temperature": temperature,
    }
    return SceneHead(tuple(names), folded, shift, report)


def _together(train: Seen, made: Seen | None) -> Seen:
    if made is None or not len(made.labels):
        return train
    return Seen(
        np.concatenate([train.features, made.features]),
        np.concatenate([train.labels, made.labels]),
        [*train.places, *made.places],
    )


def _folds(places: Sequence[str]) -> Labels:
    """Fold (n,) of each view: a place lies in one fold whole."""
    listed = sorted(set(places))
    order = np.random.default_rng(0).permutation(len(listed))
    fold_of = {place: int(order[i]) % _FOLDS for i, place in enumerate(listed)}
    return np.array([fold_of[place] for place in places], np.int64)


def _held_out_logits(x: Features, labels: Labels, folds: Labels, classes: int, strength: float) -> Features:
    """Logits (n, s) of each view by a layer that saw no view of its fold."""
    logits = np.zeros((len(x), classes), np.float32)
    for fold in np.unique(folds):
        out = folds == fold
        kept = ~out if not out.all() else out  # a single place can only be judged by itself
        weight, bias = _fit(x[kept], labels[kept], classes, strength)
        logits[out] = x[out] @ weight.T + bias
    return logits


def _best_temperature(logits: Features, labels: Labels) -> tuple[float, float]:
    """Lowest mean log loss over the temperatures, and that temperature."""
    losses = [_log_loss(logits / t, labels) for t in _TEMPERATURES]
    best = int(np.argmin(losses))
    return losses[best], _TEMPERATURES[best]


def _fit(x: Features, labels: Labels, classes: int, strength: float) -> tuple[Features, Features]:
    import torch

    inputs, targets = torch.from_numpy(np.ascontiguousarray(x, np.float32)), torch.from_numpy(labels)
    counts = np.bincount(labels, minlength=classes).clip(1)
    weights = torch.tensor((counts.mean() / counts) ** 0.5, dtype=torch.float32)
    layer = torch.nn.Linear(x.shape[1], classes)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(inputs), targets, weight=weights)
        loss = loss + strength * layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def _figures(part: str, logits: Features, labels: Labels, names: Sequence[str]) -> dict[str, float]:
    """Of no view the count alone."""
    if not len(labels):
        return {f"{part}_n": 0.0}
    predicted = logits.argmax(axis=1)
    return {
        f"{part}_n": float(len(labels)),
        f"{part}_log_loss": _log_loss(logits, labels),
        f"{part}_accuracy": _share(predicted == labels),
        f"{part}_accuracy_indoor_outdoor": _indoor_accuracy(predicted, labels, names),
        **{f"{part}_recall_{n}": _share(predicted[labels == i] == i) for i, n in enumerate(names)},
    }


def _log_loss(logits: Features, labels: Labels) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(labels)), labels].mean())


def _indoor_accuracy(predicted: Labels, labels: Labels, names: Sequence[str]) -> float:
    outdoor = names.index(OUTDOOR) if OUTDOOR in names else -1
    return _share((predicted == outdoor) == (labels == outdoor))


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else 0.0
