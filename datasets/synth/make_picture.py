"""One picture from task to files, inside a process that has Blender."""

from pathlib import Path
from typing import Any

import bpy

from firewarden.datasets.synth import outcome, picture_files
from firewarden.datasets.synth.develop import develop, to_jpeg
from firewarden.datasets.synth.instance_labels import Mask, amodal_pixels
from firewarden.datasets.synth.plan import Task
from firewarden.datasets.synth.render import clear_scene, outlines, render, sight_test
from firewarden.datasets.synth.scenes import SCENES
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.streams import stream


def make_picture(task: Task, out: Path, *, long_side: int, samples: int, threads: int) -> None:
    """Build, render, label and write the picture of `task`."""
    clear_scene()
    kind = SCENES[task.scene]
    stage = Stage(rule_scene=kind.rule_scene, facts={"long_side": long_side})
    kind.builder()(stage, task.seed, task.variant)
    bpy.context.view_layer.update()
    light, mask = render(stage.camera, samples, threads)
    pixels = develop(light, stream(task.seed, "develop"), stops=stage.exposure)
    jpeg = to_jpeg(pixels, stream(task.seed, "jpeg"))
    _write(task, stage, mask, jpeg, out)


def _write(task: Task, stage: Stage, mask: Mask, jpeg: bytes, out: Path) -> None:
    wh = stage.camera.wh
    seen = outcome.see_instances(stage, mask, _whole_pixels(stage, mask))
    cables = outcome.see_cables(stage, mask)
    power = [("power_cable", c.box) for c in cables if c.cable.kind == "power"]
    labels = picture_files.label_table([(s.class_name, s.box) for s in seen if not s.ignored] + power, wh)
    ignored = picture_files.label_table([(s.class_name, s.box) for s in seen if s.ignored], wh)
    hazards, optional, negatives = outcome.expected_codes(stage, seen, cables, sight_test(stage.camera))
    facts: dict[str, Any] = {
        "expect": picture_files.expect_row(task, stage.rule_scene, hazards, optional, negatives),
        "manifest": picture_files.manifest_row(
            task, stage.rule_scene or "", wh, len(labels), sorted(stage.attributions)
        ),
        "objects": outcome.object_facts(seen),
        "door_zones": outcome.zone_facts(stage),
        "camera": stage.camera.facts(),
        "variant": {"axis": task.variant.axis, "name": task.variant.name},
        "seed": task.seed,
        "scene": task.scene,
        "attributions": sorted(stage.attributions),
        "details": stage.facts,
    }
    picture_files.write_picture(out, task.stem, jpeg, labels, ignored, outcome.cable_rows(cables, wh), facts)


def _whole_pixels(stage: Stage, mask: Mask) -> dict[int, int]:
    """Pixels that each seen instance would cover unhidden."""
    wh = stage.camera.wh
    cables = {cable.number for cable in stage.cables}
    present = set(mask.ravel().tolist()) - cables
    return {
        i.number: amodal_pixels(outlines(i.things, stage.camera), wh)
        for i in stage.instances
        if i.number in present and i.class_name
    }
