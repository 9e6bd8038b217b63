"""Other programs on the same task, entered through their public interfaces with their default settings."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..files.itk_space import to_image, to_matrix
from ..geometry.transforms import TransformType, affine, apply, invert
from ..geometry.volume import Volume
from ..registration.working_copy import coarsened

_COARSE_SPACING = 4.0  # mm
_SEED = 1
_ELASTIX_MAPS = {TransformType.RIGID: ("rigid",), TransformType.AFFINE: ("rigid", "affine")}


def unaligned(_fixed: Volume, _moving: Volume, _kind: TransformType) -> NDArray[np.float64]:
    """Leave the moving scan where it is."""
    return np.eye(4)


def centre_of_mass(fixed: Volume, moving: Volume, _kind: TransformType) -> NDArray[np.float64]:
    """Shift the moving scan's centre of intensity onto the fixed one's."""
    return affine(np.eye(3), _intensity_centre(fixed) - _intensity_centre(moving))


def ants(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """ANTs' rigid or affine registration (antspyx), started at the centres of mass as is its default."""
    import ants as antspyx

    def image(volume: Volume) -> antspyx.ANTsImage:
        itk_image = to_image(volume)
        return antspyx.from_numpy(
            sitk.GetArrayFromImage(itk_image).transpose(2, 1, 0),
            origin=itk_image.GetOrigin(),
            spacing=itk_image.GetSpacing(),
            direction=np.array(itk_image.GetDirection()).reshape(3, 3),
        )

    name = {TransformType.RIGID: "Rigid", TransformType.AFFINE: "Affine"}[kind]
    result = antspyx.registration(image(fixed), image(moving), type_of_transform=name, random_seed=_SEED)
    (path,) = result["fwdtransforms"]
    matrix = invert(to_matrix(sitk.ReadTransform(path)))
    for written in {path, *result["invtransforms"]}:
        Path(written).unlink(missing_ok=True)
    return matrix


def elastix(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """elastix' default rigid or rigid + affine registration (itk-elastix), started at the centres of gravity."""
    import itk

    def image(volume: Volume) -> itk.Image:
        itk_image = to_image(volume)
        converted = itk.image_from_array(sitk.GetArrayFromImage(itk_image))
        converted.SetOrigin(itk_image.GetOrigin())
        converted.SetSpacing(itk_image.GetSpacing())
        converted.SetDirection(itk.matrix_from_array(np.array(itk_image.GetDirection()).reshape(3, 3)))
        return converted

    maps = itk.ParameterObject.New()
    for name in _ELASTIX_MAPS[kind]:
        settings = maps.GetDefaultParameterMap(name)
        settings["AutomaticTransformInitialization"] = ["true"]
        settings["AutomaticTransformInitializationMethod"] = ["CenterOfGravity"]
        settings["RandomSeed"] = [str(_SEED)]
        settings["WriteResultImage"] = ["false"]
        maps.AddParameterMap(settings)
    _, found = itk.elastix_registration_method(image(fixed), image(moving), parameter_object=maps, log_to_console=False)
    fixed_to_moving = np.eye(4)
    for index in range(found.GetNumberOfParameterMaps()):
        fixed_to_moving = to_matrix(_elastix_transform(found.GetParameterMap(index))) @ fixed_to_moving
    return invert(fixed_to_moving)


def greedy(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """greedy's rigid or affine registration (picsl-greedy) by mutual information, started at the images' centres."""
    from picsl_greedy import Greedy3D

    program = Greedy3D()
    program.execute(
        f"-a -i fixed moving -ia-image-centers -dof {kind.parameters} -m NMI -n 100x50x10 -o fixed_to_moving -V 0",
        out=io.StringIO(),
        fixed=to_image(fixed),
        moving=to_image(moving),
        fixed_to_moving=None,
    )
    return invert(np.array(program["fixed_to_moving"], dtype=float))  # greedy writes RAS matrices


def _elastix_transform(settings: dict[str, tuple[str, ...]]) -> sitk.Transform:
    values = [float(value) for value in settings["TransformParameters"]]
    centre = [float(value) for value in settings["CenterOfRotationPoint"]]
    if settings["Transform"][0] == "EulerTransform":
        return sitk.Euler3DTransform(centre, *values[:3], values[3:])
    return sitk.AffineTransform(values[:9], values[9:], centre)


def _intensity_centre(volume: Volume) -> NDArray[np.float64]:
    coarse = coarsened(volume, _COARSE_SPACING)
    weights = coarse.voxels.astype(float) - float(coarse.voxels.min())
    indices = [np.arange(n) for n in coarse.shape]
    total = weights.sum()
    k, j, i = ((weights.sum(axis=tuple(a for a in range(3) if a != axis)) @ indices[axis]) / total for axis in range(3))
    return apply(coarse.ijk_to_ras, [[i, j, k]])[0]
