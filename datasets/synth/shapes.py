"""Rounded bodies for rendered things: swept shells, balls, rods, wheels, wire baskets.

Lengths are metres, z is up, a vehicle's nose points to +y. Every function returns one new bpy object.
"""

import math
from collections.abc import Sequence
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from firewarden.datasets.synth.built import Point

_RING = 28  # corners of a swept ring


def add_shell(
    path: Sequence[tuple[float, float]],
    half_widths: Sequence[float],
    half_depths: Sequence[float],
    material: Any,
    *,
    power: float = 2.8,
    bow: float = 0.0,
    x: float = 0.0,
    upright: bool = False,
) -> Any:
    """A closed body swept along `path` of (y, z) points; rings stand across the path and blend smoothly.

    `power` 2 gives round rings, 6 nearly square ones; `bow` moves the sides along the path's normal (metres);
    `upright` rings stay in planes of constant y.
    """
    rings = _blend(np.column_stack([path, half_widths, half_depths]).astype(float))
    tangent = np.gradient(rings[:, :2], axis=0)
    if upright:
        tangent[:, 1] = 0
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    angles = np.linspace(0, 2 * math.pi, _RING, endpoint=False)
    across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** (2 / power)
    along = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** (2 / power)
    depth = rings[:, 3:4] * along + bow * across**2  # (rings, corners) along the normal
    corners = np.stack(
        [
            x + rings[:, 2:3] * across,
            rings[:, 0:1] - tangent[:, 1:2] * depth,
            rings[:, 1:2] + tangent[:, 0:1] * depth,
        ],
        axis=-1,
    )
    return add_rings(corners, material)


def _blend(stations: NDArray[np.float64], steps: int = 5) -> NDArray[np.float64]:
    """Catmull-Rom points through `stations` (n, k), `steps` a gap."""
    padded = np.vstack([2 * stations[0] - stations[1], stations, 2 * stations[-1] - stations[-2]])
    rows = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for t in np.arange(steps) / steps:
            rows.append(
                0.5
                * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            )
    blended = np.vstack([*rows, stations[-1]])
    blended[:, 2:] = np.maximum(blended[:, 2:], 0.002)
    return blended


def add_rings(corners: NDArray[np.float64], material: Any) -> Any:
    """A smooth closed body through rings of corners, shape (rings, corners a ring, 3)."""
    rings, count = corners.shape[:2]
    faces = [
        (r * count + k, r * count + (k + 1) % count, (r + 1) * count + (k + 1) % count, (r + 1) * count + k)
        for r in range(rings - 1)
        for k in range(count)
    ]
    caps = [tuple(range(count))[::-1], tuple(range((rings - 1) * count, rings * count))]
    mesh = bpy.data.meshes.new("shell")
    mesh.from_pydata(corners.reshape(-1, 3).tolist(), [], [*faces, *caps])
    smooth = [True] * len(faces) + [False, False]
    mesh.polygons.foreach_set("use_smooth", smooth)
    return add_mesh("shell", mesh, material)


def add_mesh(name: str, mesh: Any, material: Any) -> Any:
    """Link `mesh` as an object; its normals are made to look outwards."""
    shape = bmesh.new()
    shape.from_mesh(mesh)
    bmesh.ops.recalc_face_normals(shape, faces=shape.faces[:])
    shape.to_mesh(mesh)
    shape.free()
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def add_ball(
    centre: Point, radii: Point, material: Any, *, tilt: Point = (0, 0, 0), cut: float = -1.0
) -> Any:
    """An ellipsoid; `cut` in [-1, 1] takes away what lies below that share of its vertical radius."""
    shape = bmesh.new()
    bmesh.ops.create_uvsphere(shape, u_segments=24, v_segments=14, radius=1)
    if cut > -1:
        bmesh.ops.bisect_plane(
            shape,
            geom=[*shape.verts, *shape.edges, *shape.faces],
            plane_co=(0, 0, cut),
            plane_no=(0, 0, 1),
            clear_inner=True,
        )
    bmesh.ops.scale(shape, vec=radii, verts=shape.verts)
    return _finish(shape, "ball", material, centre, tilt)


def add_rod(
    start: Point, end: Point, radius: float, material: Any, *, end_radius: float | None = None
) -> Any:
    """A straight round bar, tapering to `end_radius`."""
    a, b = Vector(start), Vector(end)
    shape = bmesh.new()
    bmesh.ops.create_cone(
        shape,
        cap_ends=True,
        segments=12,
        radius1=radius,
        radius2=radius if end_radius is None else end_radius,
        depth=(b - a).length,
    )
    tilt = (b - a).to_track_quat("Z", "Y").to_euler()
    return _finish(shape, "rod", material, tuple((a + b) / 2), tuple(tilt))


def add_disc(centre: Point, radius: float, width: float, material: Any, *, bevel: float = 0.01) -> Any:
    """A flat cylinder turning about x, edges rounded: hubs, motors, lamps seen from the side."""
    shape = bmesh.new()
    bmesh.ops.create_cone(shape, cap_ends=True, segments=32, radius1=radius, radius2=radius, depth=width)
    rims = [edge for edge in shape.edges if abs(edge.verts[0].co.z - edge.verts[1].co.z) < 1e-6]
    bmesh.ops.bevel(shape, geom=rims, offset=min(bevel, width * 0.3), segments=2, affect="EDGES")
    return _finish(shape, "disc", material, centre, (0, math.pi / 2, 0))


def _finish(shape: Any, name: str, material: Any, centre: Point, tilt: Point) -> Any:
    for face in shape.faces:
        face.smooth = len(face.verts) <= 4
    mesh = bpy.data.meshes.new(name)
    shape.to_mesh(mesh)
    shape.free()
    thing = add_mesh(name, mesh, material)
    thing.location, thing.rotation_euler = centre, tilt
    return thing


def add_tyre(centre: Point, radius: float, half_width: float, material: Any) -> Any:
    """A ring of outer `radius` turning about x, as thick as it is wide."""
    around = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    section = np.linspace(0, 2 * math.pi, 14, endpoint=False)
    a, s = np.meshgrid(around, section, indexing="ij")
    reach = radius - half_width + half_width * np.cos(s)
    corners = np.stack([half_width * np.sin(s), reach * np.cos(a), reach * np.sin(a)], axis=-1) + np.array(
        centre
    )
    rows, columns = corners.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    right, down = np.roll(index, -1, 1), np.roll(index, -1, 0)
    faces = np.stack([index, right, np.roll(right, -1, 0), down], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("tyre")
    mesh.from_pydata(corners.reshape(-1, 3).tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    return add_mesh("tyre", mesh, material)


def add_spokes(centre: Point, hub: float, rim: float, count: int, thickness: float, material: Any) -> Any:
    """Thin wires from hub flanges to the rim of a wheel turning about x, crossed like a bicycle's."""
    shape = bmesh.new()
    for k in range(count):
        angle = 2 * math.pi * k / count
        skew = 0.5 if k % 2 else -0.5
        side = 0.025 if k % 4 < 2 else -0.025
        start = Vector((side, hub * math.cos(angle + skew), hub * math.sin(angle + skew)))
        end = Vector((0, rim * math.cos(angle), rim * math.sin(angle)))
        _add_bar(shape, start, end, thickness)
    mesh = bpy.data.meshes.new("spokes")
    shape.to_mesh(mesh)
    shape.free()
    thing = add_mesh("spokes", mesh, material)
    thing.location = centre
    return thing


def _add_bar(shape: Any, start: Any, end: Any, thickness: float) -> None:
    """A bar of square section inside a bmesh."""
    made = bmesh.ops.create_cube(shape, size=1)["verts"]
    length = (end - start).length
    bmesh.ops.scale(shape, vec=(thickness, thickness, length), verts=made)
    turn = (end - start).to_track_quat("Z", "Y").to_matrix()
    bmesh.ops.rotate(shape, matrix=turn, verts=made)
    bmesh.ops.translate(shape, vec=(start + end) / 2, verts=made)


def add_basket(
    centre: Point, size: Point, material: Any, *, mesh_size: float = 0.035, wire: float = 0.004
) -> Any:
    """An open wire basket, narrower at the floor; `size` is (width, depth, height), `centre` of its floor."""
    w, d, h = size
    shape = bmesh.new()
    cuts = (max(2, round(w / mesh_size)), max(2, round(d / mesh_size)), max(2, round(h / mesh_size)))

    def at(u: float, v: float, t: float) -> Any:
        taper = 0.78 + 0.22 * t
        return Vector((u * w / 2 * taper, v * d / 2 * taper, t * h))

    for k in range(cuts[2] + 1):
        t = k / cuts[2]
        ring = [at(u, v, t) for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
            _add_bar(shape, a, b, wire * (2.5 if k == cuts[2] else 1))
    for count, fixed in ((cuts[0], False), (cuts[1], True)):
        for k in range(count + 1):
            u = 2 * k / count - 1
            for v in (-1.0, 1.0):
                _add_bar(
                    shape, at(v, u, 0) if fixed else at(u, v, 0), at(v, u, 1) if fixed else at(u, v, 1), wire
                )
            _add_bar(
                shape, at(-1, u, 0) if fixed else at(u, -1, 0), at(1, u, 0) if fixed else at(u, 1, 0), wire
            )
    mesh = bpy.data.meshes.new("basket")
    shape.to_mesh(mesh)
    shape.free()
    thing = add_mesh("basket", mesh, material)
    thing.location = centre
    return thing
