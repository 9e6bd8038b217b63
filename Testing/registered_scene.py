"""Registered scans in a scene, both under parents of their own, and what they look like there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import slicer
import vtk
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.volumes import add_volume, local_ijk_to_ras, volume_from_node
from samples import sample_matrix, sample_registration, sample_volume
from scipy import ndimage
from test_scene_volumes import MIRRORED, SHEARED, put_under_new_transform

R = sample_registration().moving_to_fixed
PARENTS = [(), (sample_matrix(25),), (SHEARED, sample_matrix(-40), MIRRORED)]
PARENT_NAMES = ["no parents", "one", "three, sheared and mirrored"]


def nested(node: slicer.vtkMRMLTransformableNode, matrices: tuple[np.ndarray, ...]) -> None:
    """Put a node under new transforms, innermost first."""
    for matrix in matrices:
        node = put_under_new_transform(node, matrix, node.GetScene())


def registered(scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...] = ()) -> SceneRegistration:
    """A result of two small scans, both under nested parents of their own."""
    fixed = add_volume(scene, sample_volume("Atlas", size=14, spacing=10.0))
    moving = add_volume(scene, sample_volume("Brain T1", size=12, spacing=12.0, seed=1).moved(np.linalg.inv(R)))
    nested(fixed, tuple(reversed(parents)))
    nested(moving, parents)
    return add_registration(scene, fixed, moving, sample_registration())


def add_points(scene: slicer.vtkMRMLScene, position: tuple[float, ...] = (10.0, 20.0, 30.0)) -> slicer.vtkMRMLNode:
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Electrodes")
    points.AddControlPoint(vtk.vtkVector3d(*position), "e1")
    return points


def world(points: slicer.vtkMRMLMarkupsNode) -> np.ndarray:
    return slicer.util.arrayFromMarkupsControlPoints(points, world=True)[0]


def state(scene: slicer.vtkMRMLScene) -> dict[str, tuple]:
    """Every node with its name, parent, attributes and exact position."""
    found = {}
    for n in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(n)
        parent = node.GetParentTransformNode() if node.IsA("vtkMRMLTransformableNode") else None
        matrix = local_ijk_to_ras(node).tobytes() if node.IsA("vtkMRMLVolumeNode") else b""
        attributes = [(name, node.GetAttribute(name)) for name in sorted(node.GetAttributeNames())]
        found[node.GetID()] = (node.GetName(), parent and parent.GetID(), attributes, matrix)
    return found


def brightest_voxels(node: slicer.vtkMRMLVolumeNode) -> list[tuple[list[float], int]]:
    """World positions and values of some voxels, in an order that does not depend on their numbering."""
    volume = volume_from_node(node)
    peaks = np.argwhere(volume.voxels > np.sort(volume.voxels, axis=None)[-6])
    places = [((volume.ijk_to_ras @ [i, j, k, 1])[:3].tolist(), int(volume.voxels[k, j, i])) for k, j, i in peaks]
    return sorted(places)


def corrected(result: SceneRegistration) -> np.ndarray:
    """Change the alignment as a person's correction does; returns the new matrix."""
    matrix = sample_matrix(5, (1, 2, 3)) @ R
    result.correct(result.correction, replace(result.registration, moving_to_fixed=matrix))
    return matrix


def reference(fixed: Volume, moving: Volume, moving_to_fixed: np.ndarray) -> np.ndarray:
    """The moving scan at every fixed voxel, point by point through RAS (world matrices of scans before alignment)."""
    k, j, i = np.indices(fixed.shape).reshape(3, -1)
    ras = fixed.ijk_to_ras @ np.stack([i, j, k, np.ones_like(i)])
    ijk = np.linalg.inv(moving.ijk_to_ras) @ np.linalg.inv(moving_to_fixed) @ ras
    values = ndimage.map_coordinates(
        moving.voxels.astype(float), ijk[[2, 1, 0]], order=1, mode="constant", cval=float(moving.voxels.min())
    )
    return values.reshape(fixed.shape)
