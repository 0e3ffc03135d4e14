"""Which runtime runs the network, in which precision and with how many threads: a value that is measured, stored and read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from firewarden.errors import HazardError

PRECISIONS: Mapping[str, tuple[str, ...]] = {
    "onnxruntime": ("fp32", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
    "cuda": ("fp32",),  # the provider computes a fp32 graph in fp32; fp16 would need another graph
    "tensorrt": ("fp32", "fp16"),
}


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """`threads` are those of one run (None: all cores), `streams` the runs that go on side by side.

    The default, ONNX Runtime in fp32, is the reference that every other one is compared with.
    """

    runtime: str = "onnxruntime"
    precision: str = "fp32"
    threads: int | None = None
    streams: int = 1

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS.get(self.runtime, ()):
            raise HazardError(
                f"got runtime {self.runtime!r} with precision {self.precision!r}, expected one of "
                f"{', '.join(f'{r} {p}' for r, ps in PRECISIONS.items() for p in ps)}. Run `firewarden doctor --tune`."
            )
        for name, value in (("threads", self.threads), ("streams", self.streams)):
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            if not whole and not (name == "threads" and value is None):
                raise HazardError(
                    f"got {name} {value!r}, expected a whole number of at least 1. Run `firewarden doctor --tune`."
                )

    @property
    def key(self) -> str:
        """Runtime and precision in one word, e.g. `openvino-int8`; names artefacts in model.toml."""
        return f"{self.runtime}-{self.precision}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


REFERENCE = RuntimeChoice()


def choice_from_json(row: Any) -> RuntimeChoice:
    """The inverse of `to_json`; raises HazardError naming what is wrong."""
    wanted = set(RuntimeChoice.__slots__)
    if not isinstance(row, dict) or set(row) != wanted:
        raise HazardError(f"got {row!r}, expected the keys {sorted(wanted)}. Run `firewarden doctor --tune`.")
    return RuntimeChoice(**row)
