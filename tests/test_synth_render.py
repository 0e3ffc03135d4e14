"""One real picture, 96 px and one light path a pixel, where Blender is at hand."""

import json
import os
import sys
from importlib.util import find_spec

import pytest

from firewarden.datasets.labels import list_images
from firewarden.datasets.synth.plan import Task
from firewarden.datasets.synth.run import RenderSettings, run_tasks
from firewarden.datasets.synth.stage import Variant

PYTHON = os.environ.get("FIREWARDEN_BPY_PYTHON") or (sys.executable if find_spec("bpy") else None)
pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="NO BLENDER: set FIREWARDEN_BPY_PYTHON to an interpreter with the extra 'synth'"
)


def test_a_rendered_pair_differs_in_the_extinguisher_alone(tmp_path):
    tasks = [Task("exit_door", 7, Variant("extinguisher", name)) for name in ("present", "absent")]
    result = run_tasks(tmp_path, tasks, RenderSettings(96, 1, 2, 1, str(PYTHON)))
    assert result.errors == () and result.made == 2
    assert len(list_images(tmp_path)) == 2
    present, absent = (json.loads((tmp_path / "facts" / f"{task.stem}.json").read_text()) for task in tasks)
    assert present["camera"] == absent["camera"]
    assert present["door_zones"] == absent["door_zones"]
    names = [[o["class"] for o in facts["objects"]] for facts in (present, absent)]
    assert "extinguisher" not in names[1]
    assert [n for n in names[0] if n == "door"] == [n for n in names[1] if n == "door"]
