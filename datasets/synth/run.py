"""Hand tasks to rendering processes and collect what they finish. Never imports Blender itself."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from firewarden.datasets.synth.picture_files import is_finished, prepare_folder, write_tables
from firewarden.datasets.synth.plan import Task
from firewarden.errors import DatasetError

_TABLES_EVERY = 25
_PICTURES_A_PROCESS = 150  # then a fresh one: Blender never gives all memory back


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How pictures are made: long side in pixels, light paths a pixel, threads a process, processes, interpreter, and the
    folder of a furniture library, if any."""

    size: int
    samples: int
    threads: int
    workers: int
    python: str
    assets: Path | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """Counts of one run: made now, kept from before, left out for want of room, all in the folder; and failures."""

    made: int
    kept: int
    left_out: int
    finished: int
    errors: tuple[str, ...]


def find_python(given: str | None) -> str:
    """The interpreter that has Blender: the given one, else this one if it can import bpy."""
    if given is not None:
        if not Path(given).exists():
            raise DatasetError(f"--python {given} is missing, expected an interpreter that can import bpy.")
        return given
    if find_spec("bpy") is None:
        raise DatasetError(
            "This Python has no bpy. In the checkout, make an environment with `pip install '.[synth]'` and give its "
            "interpreter with --python PATH, or run the command there."
        )
    return sys.executable


def run_tasks(
    out: Path,
    tasks: Sequence[Task],
    settings: RenderSettings,
    progress: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Render what is not there yet; write manifest.csv and expect.json now and then and at the end.

    An interrupt leaves a folder that the same call completes."""
    prepare_folder(out)
    waiting = [task for task in tasks if not is_finished(out, task.stem)]
    kept = len(tasks) - len(waiting)
    errors: list[str] = []
    made = left_out = 0
    try:
        for answer in _answers(out, waiting, settings) if waiting else ():
            if "error" in answer:
                errors.append(f"{answer['stem']}: {answer['error']}")
            elif "left_out" in answer:
                left_out += 1
            else:
                made += 1
            if progress:
                progress(kept + made + left_out + len(errors), len(tasks))
            if made % _TABLES_EVERY == 0:
                write_tables(out)
    finally:
        finished = write_tables(out)
    return RunResult(made, kept, left_out, finished, tuple(errors))


def _answers(out: Path, tasks: Sequence[Task], settings: RenderSettings) -> Any:
    """Answers of all processes as they come; the processes end when the reader stops."""
    todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        todo.put(task)
    done: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()
    stop = threading.Event()
    threads = [
        threading.Thread(target=_drive, args=(out, todo, done, settings, stop), daemon=True)
        for _ in range(min(settings.workers, len(tasks)))
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            answer = done.get()
            if answer is None:
                running -= 1
            elif isinstance(answer, Exception):
                raise answer
            else:
                yield answer
    finally:
        stop.set()


def _drive(
    out: Path,
    todo: "queue.SimpleQueue[Task]",
    done: "queue.SimpleQueue[dict[str, Any] | Exception | None]",
    settings: RenderSettings,
    stop: threading.Event,
) -> None:
    """One thread's life: feed processes one task at a time until none is left."""
    try:
        while not stop.is_set() and not todo.empty():
            _serve_process(out, todo, done, settings, stop)
    except (OSError, ValueError, DatasetError) as error:  # handed to the caller's thread
        done.put(error)
    done.put(None)


def _serve_process(
    out: Path,
    todo: "queue.SimpleQueue[Task]",
    done: "queue.SimpleQueue[dict[str, Any] | Exception | None]",
    settings: RenderSettings,
    stop: threading.Event,
) -> None:
    """Start a process, give it up to `_PICTURES_A_PROCESS` tasks, end it."""
    log = out / "worker.log"
    with log.open("a", encoding="utf-8") as errors, _start(settings, errors) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            if not process.stdout.readline():
                raise DatasetError(_why_not(log, settings.python))
            for _ in range(_PICTURES_A_PROCESS):
                try:
                    task = todo.get_nowait()
                except queue.Empty:
                    break
                process.stdin.write(json.dumps(_order(task, out, settings)) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if stop.is_set():
                    break
                if not line:
                    done.put({"stem": task.stem, "error": "the rendering process ended; see worker.log"})
                    break
                done.put(json.loads(line))
        finally:
            process.stdin.close()
            if stop.is_set():
                process.terminate()


def _start(settings: RenderSettings, errors: Any) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": str(settings.threads)}
    command = [settings.python, "-P", "-m", "firewarden.datasets.synth.worker"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
    )


def _why_not(log: Path, python: str) -> str:
    tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] or ["no message"]
    return (
        f"{python} cannot render: {tail[0]}. Expected an interpreter with firewarden and bpy: "
        "in the checkout, `pip install '.[synth]'` there."
    )


def _order(task: Task, out: Path, settings: RenderSettings) -> dict[str, Any]:
    return {
        "scene": task.scene, "seed": task.seed, "axis": task.variant.axis, "name": task.variant.name,
        "out": str(out.resolve()), "size": settings.size, "samples": settings.samples, "threads": settings.threads,
        "assets": str(settings.assets.resolve()) if settings.assets else None,
    }  # fmt: skip
