"""What the simulations start from: service times, each measured, given or assumed, and it is said which."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MEASURED, GIVEN, ASSUMED = "measured", "given", "assumed"
REHEARSAL = "rehearsal"
FRAME = "frame-1080p"


@dataclass(frozen=True, slots=True)
class Record:
    """Where a measured number was found and under what conditions. `model` has id, sha256 and input_size, None where no
    model was in it; `runtime` is "" where it was not noted."""

    name: str
    date: str
    machine: str
    runtime: str
    model: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit and where it comes from: "measured", "given" or "assumed"; `measure_with` is the command that
    replaces an assumption, "" where none measures it, `note` what a measured one is of, `records` the files it is from."""

    value: float
    unit: str
    meaning: str
    source: str
    measure_with: str
    note: str = ""
    records: tuple[Record, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A quantity before it is known. `path`: keys into the result files."""

    assumed: float
    unit: str
    meaning: str
    measure_with: str
    path: tuple[str, ...] = ()


_CORE_MS = "ms of one core"
_LATENCY = "firewarden bench latency --tuned DIR"
_SIMULATE = "firewarden cctv simulate FOLDER"
_WANTED: Mapping[str, _Wanted] = {
    "decode_ms": _Wanted(12, _CORE_MS, "a 1080p picture to pixels", _LATENCY, ("latency", "decode")),
    "infer_ms": _Wanted(60, _CORE_MS, "the network on one picture", _LATENCY, ("latency", "inference")),
    "rules_ms": _Wanted(2, _CORE_MS, "rules and grading of one picture", _LATENCY, ("latency", "rules")),
    "gate_ms": _Wanted(2, _CORE_MS, "masks, motion gate and trackers of one picture", _SIMULATE),
    "receive_ms": _Wanted(5, "ms of one core a second", "holding one stream open, undecoded", _SIMULATE),
    "looked_at": _Wanted(
        0.14, "share", "pictures that open the gate", "firewarden bench cctv-day", ("cctv_day", "looked_at")
    ),
    "driver_rows_per_s": _Wanted(4000, "rows a second", "rows one process lists, claims and writes", ""),
    "webhook_ms": _Wanted(200, "ms", "one event message until its receiver confirmed", "the receiver's own figures"),
    "database_changes_per_s": _Wanted(300, "changes a second", "events one SQLite file keeps, synced to disk", ""),
}  # fmt: skip
_REST = ("gate_ms", "receive_ms")  # of a camera's picture; the record of `cctv simulate` knows their sum
_LATENCY_STAGES = ("decode_ms", "infer_ms", "rules_ms")


def quantities_of(
    results: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, float | None],
    rehearsal: Mapping[str, Any] | None = None,
) -> dict[str, Quantity]:
    """Each quantity as given, else as measured in the result files or in the `rehearsal` of cameras, else as assumed. Raises
    ValueError for one below 0, and for a name that is none."""
    if unknown := set(given) - set(_WANTED):
        raise ValueError(f"got {sorted(unknown)}, expected names of {sorted(_WANTED)}")
    found, rest, records = {}, _rest_of_cameras(results, rehearsal), _records(results, rehearsal)
    for name, wanted in _WANTED.items():
        value, source, note = given.get(name), GIVEN, ""
        if value is None:
            (value, note), source = rest.get(name, (_measured(results, wanted.path), "")), MEASURED
        if value is None:
            value, source = wanted.assumed, ASSUMED
        if value < 0:
            raise ValueError(f"got {name} = {value}, expected 0 or more")
        of = _records_of(name, wanted, records) if source == MEASURED else ()
        found[name] = Quantity(
            float(value), wanted.unit, wanted.meaning, source, wanted.measure_with, note, of
        )
    return found


def _records(
    results: Mapping[str, Mapping[str, Any]], rehearsal: Mapping[str, Any] | None
) -> dict[str, Record]:
    """The records there are, by kind; that of `cctv simulate` is called `REHEARSAL`."""
    told = {
        kind: _record(f"{kind}.json", result["conditions"])
        for kind, result in results.items()
        if "conditions" in result
    }
    if rehearsal is not None and "conditions" in rehearsal:
        told[REHEARSAL] = _record("cctv simulate", rehearsal["conditions"])
    return told


def _record(name: str, conditions: Mapping[str, Any]) -> Record:
    """Conditions as `bench` writes them, or as `cctv simulate` does."""
    model, runtime = conditions.get("model"), conditions.get("runtime") or {}
    if isinstance(model, str):
        model = {"id": model, "sha256": conditions["model_sha256"], "input_size": conditions["input_size"]}
    cores = conditions.get("cores", conditions.get("usable_cores"))
    said = f"{runtime['runtime']} {runtime['precision']}" if "runtime" in runtime else ""
    date = str(conditions.get("date", conditions.get("taken_at", "")))[:10]
    return Record(name, date, f"{conditions['cpu']}, {cores} cores", said, model)


def _records_of(name: str, wanted: _Wanted, records: Mapping[str, Record]) -> tuple[Record, ...]:
    kinds = (REHEARSAL, "latency") if name in _REST else wanted.path[:1]
    return tuple(records[kind] for kind in kinds if kind in records)


def _rest_of_cameras(
    results: Mapping[str, Mapping[str, Any]], rehearsal: Mapping[str, Any] | None
) -> dict[str, tuple[float, str]]:
    """gate_ms and receive_ms with their notes: what the processor spent on a camera's picture beyond decoding, network and
    rules, in the watching process and in those that receive. A record that does not part the two gives each the whole: as
    an upper bound. None where the two records are of different processors or runtimes."""
    stages = [_measured(results, _WANTED[name].path) for name in _LATENCY_STAGES]
    if rehearsal is None or None in stages or not _comparable(rehearsal, results["latency"]):
        return {}
    decode_ms, *look_ms = (float(stage or 0) for stage in stages)
    looks_ms = rehearsal["inferences"] / rehearsal["frames"] * sum(look_ms)
    whole_ms = rehearsal["cpu_s"] * 1000 / rehearsal["frames"]
    note = f"of {whole_ms:.1f} ms a picture with {rehearsal['cameras']} simulated cameras"
    pace = f"of a stream at {rehearsal['stream_fps']:g} a second: faster ones cost more"
    if parts := rehearsal.get("cpu_ms_a_frame"):
        gate_ms = max(0.0, parts["gate"] + parts["rest"] - looks_ms)
        receive_ms = max(0.0, parts["capture"] - decode_ms)
        notes = (
            f"{note}, the part of the watching process less network and rules",
            f"{note}, the part of receiving less decoding",
        )
    else:
        gate_ms = receive_ms = max(0.0, whole_ms - decode_ms - looks_ms)
        note = (
            f"at most: {note}, what decoding, network and rules leave; gate and receiving are not parted there, each gets all "
            "of it"
        )
        notes = note, note
    values = round(gate_ms, 2), round(receive_ms * rehearsal["fps"], 2)
    return dict(zip(_REST, zip(values, (notes[0], f"{notes[1]}; {pace}"), strict=True), strict=True))


def _comparable(rehearsal: Mapping[str, Any], latency: Mapping[str, Any]) -> bool:
    """Whether the times of one may be taken from the other: the same processor and runtime, as far as both tell."""
    told, known = rehearsal.get("conditions", {}), latency.get("conditions", {})
    pairs = [(told.get("cpu"), known.get("cpu")), (_runtime(told), _runtime(known))]
    return all(one == other for one, other in pairs if one and other)


def _runtime(conditions: Mapping[str, Any]) -> tuple[str, str] | None:
    runtime = conditions.get("runtime") or {}
    return (runtime["runtime"], runtime["precision"]) if "runtime" in runtime else None


def _measured(results: Mapping[str, Mapping[str, Any]], path: Sequence[str]) -> float | None:
    if not path or path[0] not in results:
        return None
    kind, name = path
    if kind == "cctv_day":
        return float(results[kind]["summary"][name])
    rows = [row for row in results[kind]["rows"] if (row["photo"], row["stage"]) == (FRAME, name)]
    return float(rows[0]["p50_ms"]) if rows and rows[0]["p50_ms"] is not None else None
