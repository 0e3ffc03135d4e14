"""Finishing an asset: many bpy objects become one `Built`, standing on z = 0, centred, nose towards +y. Metres."""

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from firewarden.datasets.synth.built import Built, Point


def join(
    things: Sequence[Any],
    class_name: str,
    *,
    kind: str = "",
    port: Point | None = None,
    lean: float = 0.0,
    attribution: str = "",
) -> Built:
    """Melt `things` into one mesh object, tip it by `lean` radians about y, centre it and stand it on the ground.

    The given objects are gone afterwards; `port` is where a charging cord plugs in, before tipping and centring.
    """
    solid = melt(things)
    tip = Matrix.Rotation(lean, 4, "Y")
    solid.data.transform(tip)
    low, high = bounds(solid)
    shift = Matrix.Translation((-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]))
    solid.data.transform(shift)
    if port is not None:
        solid["port"] = tuple(shift @ tip @ Vector(port))
    w, d, h = (float(v) for v in high - low)
    return Built((solid,), (w, d, h), class_name, kind, attribution)


def port_of(built: Built) -> Point:
    """The charging port of a placed asset in world metres; KeyError where it has none."""
    thing = built.things[0]
    x, y, z = thing.matrix_basis @ Vector(thing["port"])
    return float(x), float(y), float(z)


def bounds(solid: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest corner of a mesh object in its own frame."""
    corners = np.empty(3 * len(solid.data.vertices), np.float32)
    solid.data.vertices.foreach_get("co", corners)
    points = corners.reshape(-1, 3).astype(np.float64)
    return points.min(axis=0), points.max(axis=0)


def melt(things: Sequence[Any]) -> Any:
    """One mesh object with the modifiers, curves and transforms of all `things` applied; materials are kept."""
    graph = bpy.context.evaluated_depsgraph_get()
    solids = []
    for thing in things:
        mesh = bpy.data.meshes.new_from_object(thing.evaluated_get(graph))
        mesh.transform(thing.matrix_basis)
        solid = bpy.data.objects.new(thing.name, mesh)
        bpy.context.scene.collection.objects.link(solid)
        solids.append(solid)
    for thing in things:
        bpy.data.objects.remove(thing)
    if len(solids) > 1:
        with bpy.context.temp_override(active_object=solids[0], selected_editable_objects=solids):
            bpy.ops.object.join()
    return solids[0]
