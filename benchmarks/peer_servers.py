"""Who competes: our server and the peers', each started afresh with the same weights and asked in its own form."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from firewarden.benchmarks.http_load import POST_PATH
from firewarden.benchmarks.load_plan import OURS, BodyKind, Target
from firewarden.benchmarks.peer_venvs import SCRIPTS, venv_program
from firewarden.benchmarks.server_process import ServerProcess, free_port, start_firewarden
from firewarden.inference.batch_plan import PLAN_FILE
from firewarden.inference.machine import usable_cores
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.tuned import RUNTIME_FILE
from firewarden.models.manifest import ModelManifest

DEFAULT = f"{OURS}, default"  # ONNX Runtime in fp32, untuned
_PEER_END_LIMIT_S = 3.0  # they keep nothing that an end in order would save


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to compare. `start(work)` starts it, with `work` a folder for its files; `target(server)` is where its
    photos go; `computes_in` names runtime and precision of its network, e.g. `onnxruntime fp32`."""

    name: str
    start: Callable[[Path], ServerProcess]
    target: Callable[[ServerProcess], Target]
    computes_in: str = f"{REFERENCE.runtime} {REFERENCE.precision}"  # what a peer does with model.onnx


def ourselves(
    manifest: ModelManifest, tuned: Path | None, workers: int = 1, choice: RuntimeChoice | None = None
) -> Contender:
    """Our server as shipped, or with the `choice` that `doctor --tune` stored in `tuned`."""

    def start(work: Path) -> ServerProcess:
        data_dir = work / "firewarden"
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir()
        for name in (RUNTIME_FILE, PLAN_FILE) if tuned else ():
            if tuned and (tuned / name).is_file():
                shutil.copy(tuned / name, data_dir / name)
        return start_firewarden(
            data_dir, work / "firewarden.log", model=str(manifest.folder), workers=workers
        )

    def target(server: ServerProcess) -> Target:
        return Target("127.0.0.1", server.port, POST_PATH, {"X-API-Key": server.api_key()})

    name, runs = (DEFAULT, REFERENCE) if tuned is None else (f"{OURS}, tuned", choice or REFERENCE)
    return Contender(name, start, target, f"{runs.runtime} {runs.precision}")


def our_contenders(
    manifest: ModelManifest, tuned: Path | None, choice: RuntimeChoice | None
) -> list[Contender]:
    """The one that ratios are of; with `tuned`, followed by the server as shipped."""
    shipped = ourselves(manifest, None)
    return [shipped] if tuned is None else [ourselves(manifest, tuned, choice=choice), shipped]


def peer_contenders(venvs: Path, manifest: ModelManifest) -> list[Contender]:
    """The peers, each in its simple forms: one process with all cores, and one process a core where that is a setting."""
    cores = str(usable_cores())
    ultralytics = _Peer("ultralytics", "ultralytics_app.py", "/readyz", "raw")
    litserve = _Peer("litserve", "litserve_app.py", "/health", "multipart")
    roboflow = _Peer(
        "roboflow",
        "roboflow_app.py",
        "/healthz",
        "multipart",
        "/bench/1?api_key=none&confidence=0.25",
        "file",
    )
    return [
        _script_contender("FastAPI + ultralytics", ultralytics, ["1"], venvs, manifest),
        _script_contender("FastAPI + ultralytics, a worker a core", ultralytics, [cores], venvs, manifest),
        _script_contender("LitServe, batch 8", litserve, ["1"], venvs, manifest),
        _script_contender("LitServe, batch 8, a worker a core", litserve, [cores], venvs, manifest),
        _bentoml("BentoML, adaptive batching", venvs, manifest),
        _script_contender("Roboflow inference", roboflow, [], venvs, manifest),
    ]


def gpu_rows() -> dict[str, str]:
    """Why nothing was run on a GPU, by name."""
    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    reason = "the peers' pinned packages are those for the CPU" if has_gpu else "no GPU"
    return dict.fromkeys((f"{OURS}, CUDA", "FastAPI + ultralytics, CUDA", "LitServe, CUDA"), reason)


@dataclass(frozen=True, slots=True)
class _Peer:
    """A script of `peers/`, in the environment `venv`, and how it wants to be asked."""

    venv: str
    script: str
    ready_path: str
    body: BodyKind
    path: str = "/predict"
    field_name: str = "image"

    def target(self, server: ServerProcess) -> Target:
        return Target("127.0.0.1", server.port, self.path, body=self.body, field_name=self.field_name)


def _script_contender(
    name: str, peer: _Peer, options: list[str], venvs: Path, manifest: ModelManifest
) -> Contender:
    def start(work: Path) -> ServerProcess:
        port = free_port()
        python = str(venv_program(venvs, peer.venv))
        command = [
            python,
            str(SCRIPTS / peer.script),
            str(manifest.model_path.resolve()),
            str(port),
            *options,
        ]
        return _start(work, peer.venv, command, port, peer.ready_path, manifest)

    return Contender(name, start, peer.target)


def _bentoml(name: str, venvs: Path, manifest: ModelManifest) -> Contender:
    def start(work: Path) -> ServerProcess:
        port = free_port()
        program = str(venv_program(venvs, "bentoml", "bentoml"))
        command = [program, "serve", "bentoml_app:Photos", "--host", "127.0.0.1", "--port", str(port)]
        return _start(work, "bentoml", command, port, "/readyz", manifest)

    return Contender(name, start, _Peer("bentoml", "bentoml_app.py", "/readyz", "multipart").target)


def _start(
    work: Path, peer: str, command: list[str], port: int, ready: str, manifest: ModelManifest
) -> ServerProcess:
    """Start a peer offline, its settings and caches inside `work`."""
    home = work / f"{peer}-home"
    home.mkdir(exist_ok=True)
    env = {
        "BENCH_MODEL": str(manifest.model_path.resolve()),
        "BENCH_CLASSES": "\n".join(manifest.class_names),
        "BENCH_HOME": str(home),
        "YOLO_CONFIG_DIR": str(home),
        "YOLO_OFFLINE": "true",
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONSAFEPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return ServerProcess(
        command, port, ready, work / f"{peer}.log", env=env, cwd=SCRIPTS, end_limit_s=_PEER_END_LIMIT_S
    )
