"""Volume nodes are read where the scene shows them, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from host.mrml import RealScene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from samples import sample_matrix, sample_volume

SHEARED = np.array([[1.1, 0.3, 0, 5], [0, 0.9, -0.2, -3], [0.1, 0, 1.2, 8], [0, 0, 0, 1]])
MIRRORED = np.diag([-1.0, 1, 1, 1])


def put_under_new_transform(
    node: slicer.vtkMRMLTransformableNode, matrix: np.ndarray, scene: slicer.vtkMRMLScene
) -> slicer.vtkMRMLTransformNode:
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


@pytest.mark.parametrize("linear", [np.eye(4), MIRRORED, SHEARED], ids=["oblique", "left-handed", "sheared"])
def test_a_volume_comes_back_with_its_values_and_place(scene: slicer.vtkMRMLScene, linear: np.ndarray) -> None:
    volume = sample_volume().moved(linear)
    read = volume_from_node(add_volume(scene, volume))
    np.testing.assert_allclose(read.ijk_to_ras, volume.ijk_to_ras, atol=1e-9)
    np.testing.assert_array_equal(read.voxels, volume.voxels)
    assert read.name == volume.name


def test_the_array_order_is_k_j_i(scene: slicer.vtkMRMLScene) -> None:
    voxels = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    node = add_volume(scene, Volume(voxels, np.eye(4)))
    assert node.GetImageData().GetScalarComponentAsDouble(3, 1, 0, 0) == voxels[0, 1, 3]
    np.testing.assert_array_equal(volume_from_node(node).voxels, voxels)


def test_nested_parents_are_composed_in_order(scene: slicer.vtkMRMLScene) -> None:
    volume = sample_volume()
    node = add_volume(scene, volume)
    inner = put_under_new_transform(node, SHEARED, scene)
    middle = put_under_new_transform(inner, sample_matrix(50), scene)
    put_under_new_transform(middle, MIRRORED, scene)
    expected = MIRRORED @ sample_matrix(50) @ SHEARED @ volume.ijk_to_ras
    np.testing.assert_allclose(volume_from_node(node).ijk_to_ras, expected, atol=1e-9)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"],
)
def test_every_number_type_goes_in_with_its_values(scene: slicer.vtkMRMLScene, dtype: str) -> None:
    voxels = (np.arange(27).reshape(3, 3, 3) % 2).astype(dtype)
    np.testing.assert_array_equal(volume_from_node(add_volume(scene, Volume(voxels, np.eye(4)))).voxels, voxels)


def test_the_voxels_outlive_the_scene() -> None:
    with RealScene() as host:
        volume = volume_from_node(add_volume(host.scene, sample_volume()))
    np.testing.assert_array_equal(volume.voxels, sample_volume().voxels)


def test_a_non_linear_parent_is_refused_by_name(scene: slicer.vtkMRMLScene) -> None:
    node = add_volume(scene, sample_volume("head"))
    bent = scene.AddNewNodeByClass("vtkMRMLTransformNode", "my warp")
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    landmarks = vtk.vtkPoints()
    for corner in np.vstack([np.zeros(3), 50 * np.eye(3)]):
        landmarks.InsertNextPoint(corner)
    moved = vtk.vtkPoints()
    moved.DeepCopy(landmarks)
    moved.SetPoint(0, 3, 4, 5)
    spline.SetSourceLandmarks(landmarks)
    spline.SetTargetLandmarks(moved)
    bent.SetAndObserveTransformToParent(spline)
    linear = put_under_new_transform(node, SHEARED, scene)
    linear.SetAndObserveTransformNodeID(bent.GetID())
    with pytest.raises(InputError, match="head is under the non-linear transform my warp"):
        volume_from_node(node)


def test_a_flattening_parent_is_refused(scene: slicer.vtkMRMLScene) -> None:
    node = add_volume(scene, sample_volume())
    put_under_new_transform(node, np.diag([1.0, 1, 0, 1]), scene).SetName("flat")
    with pytest.raises(InputError, match="flat, which flattens space"):
        volume_from_node(node)


def test_colour_and_vector_volumes_are_refused(scene: slicer.vtkMRMLScene) -> None:
    node = slicer.util.addVolumeFromArray(
        np.zeros((4, 4, 4, 3), np.uint8), name="photo", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    assert node.GetScene() is scene
    with pytest.raises(InputError, match="photo has 3 values per voxel"):
        volume_from_node(node)


def test_nodes_without_voxels_and_other_nodes_are_refused(scene: slicer.vtkMRMLScene) -> None:
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing yet")
    with pytest.raises(InputError, match="nothing yet has no voxels"):
        volume_from_node(empty)
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", "skull")
    with pytest.raises(InputError, match="skull is not a scalar volume"):
        volume_from_node(model)
