"""ONNX Runtime: the runtime of every installation, and the reference for all others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from firewarden.inference.session import ROWS_OUTPUT, SCENE_OUTPUT, NetworkOutput, Signature

CPU_PROVIDERS: tuple[tuple[str, Mapping[str, Any]], ...] = (("CPUExecutionProvider", {}),)


class OnnxSession:
    """One ONNX Runtime session, fp32 or int8 by what the file holds. Thread-safe: many threads may run it at once."""

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        keep_buffers: bool = True,
        spin: bool = False,
        providers: Sequence[tuple[str, Mapping[str, Any]]] = CPU_PROVIDERS,
        ort: Any = onnxruntime,
    ) -> None:
        """`threads` are those of one run (None: all cores). `keep_buffers` False gives them back after each run. `spin` lets
        threads wait for each other awake during a run. `ort` is the module, given by tests."""
        named = [(name, dict(options)) for name, options in providers]
        options = session_options(ort, threads, keep_buffers=keep_buffers, spin=spin)
        self._session = ort.InferenceSession(str(path), options, providers=named)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self._input = self._session.get_inputs()[0].name
        outputs = self._session.get_outputs()
        rows = next((output for output in outputs if output.name == ROWS_OUTPUT), outputs[0])
        scene_count = next((int(output.shape[1]) for output in outputs if output.name == SCENE_OUTPUT), 0)
        metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        self.signature = Signature(tuple(rows.shape), scene_count, metadata)
        self._wanted = [rows.name] + ([SCENE_OUTPUT] if scene_count else [])

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput:
        rows, *scene = self._session.run(self._wanted, {self._input: batch})
        return NetworkOutput(rows, scene[0] if scene else np.empty((len(rows), 0), np.float32))


def session_options(ort: Any, threads: int | None, *, keep_buffers: bool = True, spin: bool = False) -> Any:
    """Options of every session. docs/tuning.md says what each was measured to do."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: one for each physical core
    options.inter_op_num_threads = 1  # the graph is a chain; its branches are too short to share out
    # Waiting threads sleep: a spinning one takes the core that another run, or the decoding of a photo, needs. A photo that
    # comes alone has the cores to itself, but no longer than its run.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    if spin:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    # The arena keeps the buffers of the largest run, so that later ones allocate nothing.
    options.enable_cpu_mem_arena = keep_buffers
    options.log_severity_level = 3
    return options
