"""The rendering process: reads one task a line as JSON on stdin, answers one line on stdout when its files are written.

    python -P -m firewarden.datasets.synth.worker

A first line {"ready": true, "bpy": VERSION} says that Blender is there. Errors go to stderr.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Serve tasks until stdin ends."""
    answers = _keep_stdout()
    import bpy

    from firewarden.datasets.synth import sweethome
    from firewarden.datasets.synth.make_picture import make_picture
    from firewarden.datasets.synth.stage import NoRoom

    _answer(answers, {"ready": True, "bpy": bpy.app.version_string})
    library: str | None = None
    for line in sys.stdin:
        order = json.loads(line)
        task = read_task(order)
        start = time.perf_counter()
        try:
            if order["assets"] != library:
                library = order["assets"]
                sweethome.use(Path(library) if library else None)
            make_picture(
                task,
                Path(order["out"]),
                long_side=order["size"],
                samples=order["samples"],
                threads=order["threads"],
            )
        except NoRoom as reason:
            _answer(answers, {"stem": task.stem, "left_out": str(reason)})
        except Exception as error:  # noqa: BLE001  one damaged scene must not end a run of thousands
            import traceback

            traceback.print_exc()
            _answer(answers, {"stem": task.stem, "error": f"{type(error).__name__}: {error}"})
        else:
            _answer(answers, {"stem": task.stem, "seconds": round(time.perf_counter() - start, 2)})


def read_task(order: dict[str, Any]) -> Any:
    """The task of one order line."""
    from firewarden.datasets.synth.plan import Task
    from firewarden.datasets.synth.stage import Variant

    return Task(order["scene"], int(order["seed"]), Variant(order["axis"], order["name"]))


def _keep_stdout() -> TextIO:
    """The real stdout for answers; from now on file descriptor 1, and Blender's chatter with it, leads nowhere."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return kept


def _answer(stream: TextIO, value: dict[str, Any]) -> None:
    stream.write(json.dumps(value) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
