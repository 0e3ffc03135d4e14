"""`firewarden doctor --tune`: which runtime answers fastest on this machine and still answers like the reference."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from firewarden.errors import HazardError, NotInstalled
from firewarden.inference.batch_plan import PLAN_FILE, BatchPlan, save_plan
from firewarden.inference.detector import to_batch
from firewarden.inference.image import Image
from firewarden.inference.int8_record import refusal_by_record
from firewarden.inference.letterbox import Letterbox
from firewarden.inference.rules import Rules
from firewarden.inference.runtime_choice import PRECISIONS, RuntimeChoice
from firewarden.inference.runtime_parity import (
    Answer,
    Parity,
    answer_photos,
    compare_answers,
    operating_points,
)
from firewarden.inference.session import OpenedSession
from firewarden.inference.speed import Load, measure_side_by_side
from firewarden.inference.tuned import Tuned, conditions_of, save_tuned
from firewarden.models.manifest import ModelManifest

MIN_GAIN = 1.05  # less is noise, and not worth leaving the reference or the simpler setting
MIN_BATCH_GAIN = (
    1.2  # of batches over single photos: they cost memory and waiting, and a busy minute once showed 1.13
)
BATCHES = (1, 2, 4, 8)
_GPU_PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
Opener = Callable[[RuntimeChoice], OpenedSession]
OnFailure = Callable[[str, Exception], object]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured: `rounds` rounds of `seconds` for each setting, after a warm-up."""

    rounds: int = 5
    seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One runtime and precision. `refused` says why it may not be chosen ("" if it may); one that is not `installed` was not
    looked at. `one_thread_ms` and `all_cores_ms`
    are of the network for one photo at a time, `per_second` is one stream a core, each photo's decoding included, because that
    takes from the same cores; all 0 where it could not be opened or run."""

    choice: RuntimeChoice
    refused: str
    parity: Parity | None = None
    one_thread_ms: float = 0.0
    all_cores_ms: float = 0.0
    per_second: float = 0.0
    installed: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "runtime": self.choice.runtime,
            "precision": self.choice.precision,
            "refused": self.refused,
            "installed": self.installed,
            "parity": self.parity.to_json() if self.parity else None,
            "one_thread_ms": round(self.one_thread_ms, 2),
            "all_cores_ms": round(self.all_cores_ms, 2),
            "per_second": round(self.per_second, 2),
        }


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was measured and what follows. `settings` are photos a second of the winner by (streams, batch)."""

    candidates: tuple[Candidate, ...]
    settings: Mapping[tuple[int, int], float]
    serve: RuntimeChoice
    inspect: RuntimeChoice
    plan: BatchPlan
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "settings": [
                {"streams": streams, "batch": batch, "per_second": round(value, 2)}
                for (streams, batch), value in self.settings.items()
            ],
            "serve": self.serve.to_json(),
            "inspect": self.inspect.to_json(),
            "max_batch": self.plan.max_batch,
            "conditions": dict(self.conditions),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Where and how it is measured: `opener` opens a choice of this model, `picture (1, 3, h, w)` is what is run, `prepare`
    the work that serving does on each photo beside it."""

    manifest: ModelManifest
    opener: Opener
    picture: NDArray[np.float32]
    cores: int
    effort: Effort
    prepare: Callable[[], object] | None = None
    on_step: Callable[[str], object] = lambda text: None

    def speeds(
        self, trials: Mapping[str, tuple[OpenedSession, Load]], on_failure: OnFailure
    ) -> dict[str, float]:
        """Photos a second of the trials that ran to the end; `on_failure` is told of the others."""
        effort = self.effort
        return measure_side_by_side(
            trials, self.picture, rounds=effort.rounds, seconds=effort.seconds, on_failure=on_failure
        )


def candidate_choices(manifest: ModelManifest, providers: Iterable[str] | None = None) -> list[RuntimeChoice]:
    """Every choice this model could run with, the reference first. int8 needs its artefact, a GPU its provider."""
    offered = set(onnxruntime.get_available_providers() if providers is None else providers)
    choices = [RuntimeChoice(runtime, p) for runtime, precisions in PRECISIONS.items() for p in precisions]
    return [
        choice
        for choice in choices
        if (choice.precision != "int8" or choice.key in manifest.artefacts)
        and _GPU_PROVIDERS.get(choice.runtime) in {None, *offered}
    ]


def tune(
    bench: Bench,
    rules: Rules,
    photos: Mapping[str, Image],
    choices: Sequence[RuntimeChoice],
    *,
    accept_int8: bool = False,
) -> Tuning:
    """Check `choices`, of which the first is the reference, on `photos`; measure those that open, and choose.

    `accept_int8` also allows int8 whose accuracy is on record in the model folder, if this machine gives the recorded
    answers. A choice that cannot be opened or run is refused with the reason; raises what the reference raises.
    """
    sessions: dict[RuntimeChoice, OpenedSession] = {}
    checked: list[Candidate] = []
    reference: Mapping[str, Answer] | None = None
    for choice in choices:
        bench.on_step(f"checking {choice.key}")
        try:
            session = bench.opener(replace(choice, threads=1, streams=bench.cores))
            answers = answer_photos(bench.manifest, session, rules, photos)
        except Exception as error:  # a runtime that fails may raise anything
            if reference is None:
                raise
            checked.append(_failed(choice, error))
            continue
        reference = answers if reference is None else reference
        parity = compare_answers(reference, answers, operating_points(bench.manifest))
        refused = _refusal(bench.manifest, choice, session, parity, accept_int8=accept_int8)
        checked.append(Candidate(choice, "" if choice == choices[0] else refused, parity))
        sessions[choice] = session
    return _choose(bench, _measured(bench, checked, sessions))


def _failed(choice: RuntimeChoice, error: Exception) -> Candidate:
    """A candidate that cannot be looked at here; what is not installed gets its cure, less the advice to tune."""
    if isinstance(error, NotInstalled):
        return Candidate(choice, f"not installed: {error.install}", installed=False)
    return Candidate(choice, _reason(error))


def _reason(error: Exception) -> str:
    """In our own words where the error has them, else with its kind."""
    return str(error) if isinstance(error, HazardError) else f"it failed: {type(error).__name__}: {error}"


def _refusal(
    manifest: ModelManifest,
    choice: RuntimeChoice,
    session: OpenedSession,
    parity: Parity,
    *,
    accept_int8: bool,
) -> str:
    if parity.passed:
        return ""
    if accept_int8 and choice.precision == "int8":
        return refusal_by_record(manifest, choice, session)
    return parity.describe()


def _measured(
    bench: Bench, checked: Sequence[Candidate], sessions: Mapping[RuntimeChoice, OpenedSession]
) -> tuple[Candidate, ...]:
    """The candidates with their three speeds, all measured side by side; `sessions` have one stream for each core. One that
    fails in between is refused, but for the first, the reference, whose error is raised."""
    bench.on_step("measuring all runtimes side by side")
    reference, failures = checked[0].choice, dict[str, Exception]()
    trials: dict[str, tuple[OpenedSession, Load]] = {}
    for choice, session in sessions.items():
        try:
            trials |= _trials(bench, choice, session)
        except Exception as error:  # noqa: BLE001 - one runtime must not end the others' measurement
            failures[choice.key] = error
    speeds = bench.speeds(trials, lambda name, error: failures.setdefault(name.split()[0], error))
    if reference.key in failures:
        raise failures[reference.key]
    return tuple(
        _with_speeds(candidate, speeds, failures.get(candidate.choice.key))
        if candidate.choice in sessions
        else candidate
        for candidate in checked
    )


def _trials(
    bench: Bench, choice: RuntimeChoice, session: OpenedSession
) -> dict[str, tuple[OpenedSession, Load]]:
    """Three ways to ask one choice, by its key and their name."""
    return {
        f"{choice.key} streams": (session, Load(bench.cores, prepare=bench.prepare)),
        f"{choice.key} one thread": (bench.opener(replace(choice, threads=1)), Load()),
        f"{choice.key} all cores": (bench.opener(replace(choice, threads=bench.cores)), Load()),
    }


def _with_speeds(candidate: Candidate, speeds: Mapping[str, float], failure: Exception | None) -> Candidate:
    if failure is not None:
        return replace(candidate, refused=candidate.refused or _reason(failure))
    alone, all_cores, streams = (
        speeds[f"{candidate.choice.key} {name}"] for name in ("one thread", "all cores", "streams")
    )
    if min(alone, all_cores, streams) <= 0:
        return replace(candidate, refused=candidate.refused or "it answered no photo while it was measured")
    return replace(candidate, one_thread_ms=1000 / alone, all_cores_ms=1000 / all_cores, per_second=streams)


def _choose(bench: Bench, candidates: tuple[Candidate, ...]) -> Tuning:
    """The winners among the accepted, and the best streams and batch of the one with most photos a second."""
    accepted = [candidate for candidate in candidates if not candidate.refused]
    most = fastest(accepted, lambda candidate: candidate.per_second).choice
    quickest = fastest(accepted, lambda candidate: 1 / min(candidate.all_cores_ms, candidate.one_thread_ms))
    settings = _measured_settings(bench, most)
    streams, batch = best_setting(settings)
    return Tuning(
        candidates,
        settings,
        serve=replace(most, threads=max(1, bench.cores // streams), streams=streams),
        inspect=replace(
            quickest.choice, threads=bench.cores if quickest.all_cores_ms < quickest.one_thread_ms else 1
        ),
        plan=BatchPlan(max_batch=batch, streams=streams),
        conditions=conditions_of(bench.manifest),
    )


def _measured_settings(bench: Bench, choice: RuntimeChoice) -> dict[tuple[int, int], float]:
    """Photos a second of one runtime by (streams, batch), the cores shared out among the streams; without those that fail, as
    a batch may that takes too much memory."""
    bench.on_step(f"measuring streams and batches of {choice.key}")
    loads: dict[str, Load] = {}
    failures: dict[str, Exception] = {}
    trials: dict[str, tuple[OpenedSession, Load]] = {}
    for streams in stream_counts(bench.cores):
        try:
            session = bench.opener(replace(choice, threads=max(1, bench.cores // streams), streams=streams))
        except Exception as error:  # noqa: BLE001 - raised below where no setting is left
            failures[f"{streams} streams"] = error
            continue
        free_batch = not isinstance(session.signature.row_shape[0], int)
        for batch in BATCHES if free_batch else (1,):
            name = f"{streams} streams, batch {batch}"
            loads[name] = Load(streams, batch, bench.prepare)
            trials[name] = (session, loads[name])
    speeds = bench.speeds(trials, failures.setdefault)
    if not speeds:
        raise next(iter(failures.values()))
    return {(loads[name].streams, loads[name].batch): speed for name, speed in speeds.items()}


def fastest(accepted: Sequence[Candidate], speed: Callable[[Candidate], float]) -> Candidate:
    """The first candidate, in order of simplicity with the reference first, that none beats by `MIN_GAIN`."""
    enough = max(map(speed, accepted)) / MIN_GAIN
    return next(candidate for candidate in accepted if speed(candidate) > enough)


def best_setting(settings: Mapping[tuple[int, int], float]) -> tuple[int, int]:
    """The (streams, batch) with most photos a second, or what comes within `MIN_GAIN` of it with a smaller batch, then with
    more streams: a batch makes its photos wait for each other. Batches have to gain `MIN_BATCH_GAIN` over single photos."""
    single = {key: value for key, value in settings.items() if key[1] == 1}
    if single and max(settings.values()) < MIN_BATCH_GAIN * max(single.values()):
        settings = single
    enough = max(settings.values()) / MIN_GAIN
    return min((key for key, value in settings.items() if value >= enough), key=lambda key: (key[1], -key[0]))


def stream_counts(cores: int) -> list[int]:
    """1, 2, 4 ... and the number of cores."""
    return [*(1 << n for n in range(cores.bit_length()) if 1 << n < cores), cores]


def prepare_picture(manifest: ModelManifest, image: Image) -> NDArray[np.float32]:
    """The network's input for one photo, as it is served."""
    letterbox = Letterbox.fit(image.pixels_hw, manifest.input_size, manifest.stride, image.original_hw)
    return to_batch(letterbox.apply_image(image.pixels))


def save_tuning(data_dir: Path, tuning: Tuning) -> Path:
    """Keep runtime and batch plan where `serve` and `inspect` look for them; returns the runtime file."""
    figures = tuning.to_json()
    measured = {name: figures[name] for name in ("candidates", "settings", "max_batch")}
    path = save_tuned(data_dir, Tuned(tuning.serve, tuning.inspect, tuning.conditions, measured))
    save_plan(data_dir / PLAN_FILE, tuning.plan)
    return path
