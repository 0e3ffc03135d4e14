"""OpenVINO on the CPU (extra `openvino`): fp32 or bf16 from the ONNX file, int8 from the artefact quantised for it."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import HazardError, NotInstalled
from firewarden.inference.machine import usable_cores
from firewarden.inference.openvino_silence import silence_openvino
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import ROWS_OUTPUT, SCENE_OUTPUT, NetworkOutput, Signature

_DEVICE = "CPU"
_INSTALL = "pip install -e '.[openvino]' in the checkout"
_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # int8: what is not quantised stays fp32


class OpenVinoSession:
    """One compiled network. Thread-safe: each thread has an infer request of its own; `choice.streams` of them compute at
    the same time, the others wait."""

    def __init__(self, path: Path, choice: RuntimeChoice) -> None:
        core = open_core()
        check_precision(choice.precision, core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES"))
        try:
            self._network = core.compile_model(str(path), _DEVICE, compile_settings(choice))
        except RuntimeError as error:  # some kernels are missing on some processors
            raise HazardError(
                f"OpenVINO cannot compile {path.name} for {choice.precision} here: {_last_line(error)}. Choose "
                "another precision with `firewarden doctor --tune`."
            ) from error
        outputs = self._network.outputs
        self._rows = next((output for output in outputs if ROWS_OUTPUT in output.get_names()), outputs[0])
        self._scene = next((output for output in outputs if SCENE_OUTPUT in output.get_names()), None)
        self.signature = Signature(_shape(self._rows), int(_shape(self._scene)[1] or 0) if self._scene else 0)
        self._own = threading.local()

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput:
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._network.create_infer_request()
        request.infer({0: np.ascontiguousarray(batch)}, share_inputs=True, share_outputs=True)
        rows = request.get_tensor(
            self._rows
        ).data.copy()  # the request's own memory: the next run overwrites it
        if self._scene is None:
            return NetworkOutput(rows, np.empty((len(rows), 0), np.float32))
        return NetworkOutput(rows, request.get_tensor(self._scene).data.copy())


def open_core() -> Any:
    """OpenVINO's core; raises NotInstalled where the package is absent."""
    silence_openvino()
    try:
        import openvino
    except ImportError as error:
        raise NotInstalled(
            f"the package openvino is absent, expected for this runtime: {_INSTALL}, or run `firewarden doctor --tune` to "
            "choose another runtime.",
            install=_INSTALL,
        ) from error
    return openvino.Core()


def compile_settings(choice: RuntimeChoice) -> dict[str, Any]:
    """OpenVINO's properties of a choice. docs/tuning.md says what each was measured to do."""
    threads = choice.threads or max(1, usable_cores() // choice.streams)
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[
            choice.precision
        ],  # never left to the default, which is bf16 on some CPUs
        "NUM_STREAMS": choice.streams,
        "INFERENCE_NUM_THREADS": threads * choice.streams,
        "ENABLE_HYPER_THREADING": True,  # otherwise the number above would be cut down to the physical cores
        # Pinned threads of several processes would share one core, as each process counts its cores from the first.
        "ENABLE_CPU_PINNING": False,
    }


def check_precision(precision: str, capabilities: Iterable[str]) -> None:
    """Raise HazardError for bf16 on a processor that has no instructions for it: it would be emulated, and slower."""
    listed = list(capabilities)
    if precision == "bf16" and "BF16" not in listed:
        raise HazardError(
            f"got precision bf16, expected a processor that lists BF16 (this one: {', '.join(listed)}). Use fp32 or int8."
        )


def _shape(output: Any) -> tuple[int | None, ...]:
    return tuple(axis.get_length() if axis.is_static else None for axis in output.get_partial_shape())


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
