"""ONNX Runtime on an NVIDIA GPU (package `onnxruntime-gpu`): its CUDA provider, or TensorRT with compiled engines kept on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime

from firewarden.errors import HazardError
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.runtime_onnx import OnnxSession

# The extra `gpu` alone leaves the CPU's package, which the base installation needs, in the same folder.
GPU_INSTALL = (
    "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]>=1.22,<2'"
)
Provider = tuple[str, dict[str, Any]]
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


def open_gpu_session(
    path: Path, choice: RuntimeChoice, *, cache_dir: Path | None, ort: Any = onnxruntime
) -> OnnxSession:
    """Open the model on the GPU. `cache_dir` keeps TensorRT's engines, whose building takes minutes.

    Raises HazardError where the installed ONNX Runtime has no such provider, or where it fell back to the CPU.
    """
    wanted = _PROVIDERS[choice.runtime]
    if wanted not in ort.get_available_providers():
        raise HazardError(
            f"ONNX Runtime offers {', '.join(ort.get_available_providers())}, expected {wanted}. Run "
            f"{GPU_INSTALL}, or choose another runtime."
        )
    preload: Callable[[], object] | None = getattr(ort, "preload_dlls", None)
    if preload is not None:
        preload()  # finds CUDA and cuDNN among Python packages where the system has none
    session = OnnxSession(path, threads=choice.threads, providers=gpu_providers(choice, cache_dir), ort=ort)
    if session.providers[0] != wanted:
        raise HazardError(
            f"ONNX Runtime runs on {session.providers[0]}, expected {wanted}: its libraries could not be loaded. Check "
            "the driver, CUDA, cuDNN and TensorRT versions, or choose another runtime."
        )
    return session


def gpu_providers(choice: RuntimeChoice, cache_dir: Path | None) -> list[Provider]:
    """Providers in order of preference with their options; what one cannot do, the next one does."""
    cuda: Provider = (_PROVIDERS["cuda"], {"use_tf32": "0"})  # TF32 has 10 bits of mantissa: not fp32
    cpu: Provider = ("CPUExecutionProvider", {})
    if choice.runtime == "cuda":
        return [cuda, cpu]
    return [(_PROVIDERS["tensorrt"], _tensorrt_options(choice, cache_dir)), cuda, cpu]


def _tensorrt_options(choice: RuntimeChoice, cache_dir: Path | None) -> dict[str, str]:
    options = {"trt_fp16_enable": "True" if choice.precision == "fp16" else "False"}
    if cache_dir is not None:
        folder = cache_dir / "tensorrt"
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("engine", "timing"):
            options |= {f"trt_{kind}_cache_enable": "True", f"trt_{kind}_cache_path": str(folder)}
    return options
