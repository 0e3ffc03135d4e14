"""Thin things of rendered scenes: cloth laid over a vehicle, hanging sheets, paint on the ground, foliage.

Lengths are metres, z is up. Every function returns one new bpy object.
"""

from collections.abc import Sequence
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.shapes import add_mesh


def add_drape(
    rng: np.random.Generator,
    things: Sequence[Any],
    material: Any,
    *,
    y_range: tuple[float, float],
    drop: float,
    cell: float = 0.03,
) -> Any:
    """A cloth laid over `things` between two y, hanging to `drop` above the ground: a height field with folds."""
    tops, x, y = _tops(things, y_range, cell)
    cloth = _slacken(tops, cell)
    folds = np.sin(x / 0.09 + rng.uniform(0, 6) + 2.0 * np.sin(y / 0.21)) * np.sin(
        y / 0.13 + rng.uniform(0, 6)
    )
    cloth = cloth + 0.01 * folds + 0.03
    inside = cloth > drop
    cloth = np.maximum(cloth, drop + 0.02 * np.sin((x + y) / 0.11))
    keep = inside[:-1, :-1] | inside[1:, :-1] | inside[:-1, 1:] | inside[1:, 1:]
    return add_grid(np.stack([x, y, cloth], axis=-1), material, keep)


def _tops(
    things: Sequence[Any], y_range: tuple[float, float], cell: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Height of the highest surface on a grid (0 where there is none), and the grid's x and y."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    trees = []
    for thing in things:
        mesh = bpy.data.meshes.new_from_object(thing.evaluated_get(graph))
        mesh.transform(thing.matrix_basis)
        trees.append(
            BVHTree.FromPolygons([v.co for v in mesh.vertices], [tuple(p.vertices) for p in mesh.polygons])
        )
        bpy.data.meshes.remove(mesh)
    x, y = np.meshgrid(
        np.arange(-0.75, 0.76, cell), np.arange(y_range[0], y_range[1] + cell, cell), indexing="ij"
    )
    tops = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        for tree in trees:
            hit = tree.ray_cast(Vector((x[index], y[index], 3.0)), Vector((0, 0, -1)))[0]
            tops[index] = max(tops[index], hit.z if hit else 0)
    return tops, x, y


def _slacken(tops: NDArray[np.float64], cell: float) -> NDArray[np.float64]:
    """A cloth over `tops` (x, y): taut across the thing from side to side, smooth along it, hanging steeply outside."""
    solid = tops > 0.25
    between = np.maximum.accumulate(solid, axis=0) & np.maximum.accumulate(solid[::-1], axis=0)[::-1]
    cloth = tops.copy()
    for _ in range(400):  # towards the upper hull of every row
        mean = (np.roll(cloth, 1, 0) + np.roll(cloth, -1, 0)) / 2
        cloth = np.where(between, np.maximum(cloth, mean), cloth)
    padded = np.pad(cloth, ((0, 0), (3, 3)), mode="edge")
    smooth = sum(padded[:, k : k + cloth.shape[1]] for k in range(7)) / 7
    cloth = np.maximum(cloth, np.where(between, smooth, 0))
    for _ in range(48):
        padded = np.pad(cloth, 1)
        around = np.maximum.reduce([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
        cloth = np.maximum(cloth, around - 4.5 * cell)
    return cloth


def add_grid(corners: NDArray[np.float64], material: Any, keep: NDArray[np.bool_] | None = None) -> Any:
    """A smooth sheet through a grid of corners (rows, columns, 3); `keep` (rows - 1, columns - 1) picks its cells."""
    rows, columns = corners.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    faces = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1)
    faces = faces[keep] if keep is not None else faces.reshape(-1, 4)
    mesh = bpy.data.meshes.new("sheet")
    mesh.from_pydata(corners.reshape(-1, 3).tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("use_smooth", [True] * len(faces))
    shape = bmesh.new()
    shape.from_mesh(mesh)
    bmesh.ops.delete(shape, geom=[v for v in shape.verts if not v.link_faces], context="VERTS")
    shape.to_mesh(mesh)
    shape.free()
    return add_mesh("sheet", mesh, material)


def add_cells(grid: NDArray[np.bool_], corner: Point, size: tuple[float, float], material: Any) -> Any:
    """A flat picture on the ground made of the true cells of `grid` (rows from the far side); lower left at `corner`."""
    rows, columns = grid.shape
    edges = np.diff(np.pad(grid, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    x0, x1 = starts[:, 1] * size[0] / columns, ends[:, 1] * size[0] / columns
    y0 = (rows - 1 - starts[:, 0]) * size[1] / rows
    y1, z = y0 + size[1] / rows, np.zeros(len(starts))
    quads = np.stack([np.stack(p, -1) for p in ((x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z))], axis=1)
    return _add_quads("cells", quads + np.array(corner), material)


def add_foliage(
    rng: np.random.Generator, centre: Point, radius: float, material: Any, *, leaves: int = 4000
) -> Any:
    """A tree's crown: leaves of a hand's size in a handful of round clumps."""
    clumps = rng.normal(0, 0.42 * radius, (9, 3)) * (1, 1, 0.75)
    middle = clumps[rng.integers(0, len(clumps), leaves)] + rng.normal(0, 0.28 * radius, (leaves, 3))
    a = rng.normal(0, 1, (leaves, 3))
    b = np.cross(a, rng.normal(0, 1, (leaves, 3)))
    half = rng.uniform(0.03, 0.06, (leaves, 1))
    a, b = (half * v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    quads = np.stack([middle - a - b, middle + a - b, middle + a + b, middle - a + b], axis=1)
    return _add_quads("foliage", quads + np.array(centre), material)


def _add_quads(name: str, quads: NDArray[np.float64], material: Any) -> Any:
    """Loose quads (n, 4, 3) as one mesh."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(quads.reshape(-1, 3).tolist(), [], np.arange(4 * len(quads)).reshape(-1, 4).tolist())
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing
