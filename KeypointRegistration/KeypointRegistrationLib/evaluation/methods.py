"""Everything that is compared: ours, its parts, and what users would take instead."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..detection.detector import Detector
from ..detection.localisation import head_centre
from ..geometry.transforms import TransformType, ras_to_lps
from ..geometry.volume import Volume
from ..registration.options import RegistrationOptions
from ..registration.pipeline import register

#: Takes fixed, moving and what may change; returns the 4×4 moving → fixed RAS matrix.
Method = Callable[[Volume, Volume, TransformType], NDArray[np.float64]]


def unaligned(_fixed: Volume, _moving: Volume, _kind: TransformType) -> NDArray[np.float64]:
    """The scans as their headers place them."""
    return np.eye(4)


def centre_of_mass(fixed: Volume, moving: Volume, _kind: TransformType) -> NDArray[np.float64]:
    """The middles of both heads on one another."""
    matrix = np.eye(4)
    matrix[:3, 3] = head_centre(fixed) - head_centre(moving)
    return matrix


def ours(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """This repository's registration with refinement."""
    return register(fixed, moving, RegistrationOptions(transform_type=kind), _detector()).moving_to_fixed


def ours_unrefined(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """The keypoint alignment alone."""
    return register(fixed, moving, RegistrationOptions(transform_type=kind, refine=False), _detector()).moving_to_fixed


def ants(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """ANTs (antspyx) with its defaults: centre-of-mass start, Mattes mutual information."""
    import ants as antspyx

    images = []
    for volume in (fixed, moving):
        image = _itk_image(volume)
        images.append(
            antspyx.from_numpy(
                sitk.GetArrayFromImage(image).T.copy(),
                origin=list(image.GetOrigin()),
                spacing=list(image.GetSpacing()),
                direction=np.array(image.GetDirection()).reshape(3, 3),
            )
        )
    name = {TransformType.AFFINE: "Affine", TransformType.RIGID: "Rigid"}[kind]
    with tempfile.TemporaryDirectory() as folder:
        found = antspyx.registration(*images, type_of_transform=name, outprefix=str(Path(folder) / "ants"), random_seed=1)
        return _moving_to_fixed(sitk.ReadTransform(found["fwdtransforms"][0]))


def elastix(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """elastix (itk-elastix) with its default parameter maps: rigid, then affine; centres of gravity as the start."""
    import itk

    parameters = itk.ParameterObject.New()
    for name in ["rigid", "affine"] if kind is TransformType.AFFINE else ["rigid"]:
        settings = parameters.GetDefaultParameterMap(name)
        settings["AutomaticTransformInitialization"] = ["true" if name == "rigid" else "false"]
        settings["AutomaticTransformInitializationMethod"] = ["CenterOfGravity"]
        settings["RandomSeed"] = ["1"]
        settings["WriteResultImage"] = ["false"]
        parameters.AddParameterMap(settings)
    images = [_itk_elastix_image(volume) for volume in (fixed, moving)]
    with tempfile.TemporaryDirectory() as folder:
        _, found = itk.elastix_registration_method(
            *images, parameter_object=parameters, log_to_console=False, output_directory=folder
        )
    # The first map is applied to a fixed point first (how elastix composes).
    matrix = np.eye(4)
    for index in range(found.GetNumberOfParameterMaps()):
        matrix = _lps_matrix(_elastix_transform(found.GetParameterMap(index))) @ matrix
    return ras_to_lps(np.linalg.inv(matrix))


METHODS: dict[str, Method] = {
    "unaligned": unaligned,
    "centre of mass": centre_of_mass,
    "ANTs": ants,
    "elastix": elastix,
    "ours, keypoints only": ours_unrefined,
    "ours": ours,
}


@cache
def _detector() -> Detector:
    return Detector("brain-affine", "cpu")


def _itk_image(volume: Volume) -> sitk.Image:
    """An ITK image in LPS; the benchmark's scans have no shear."""
    image = sitk.GetImageFromArray(volume.voxels.astype(np.float32))
    lps = np.diag([-1.0, -1.0, 1.0]) @ volume.ijk_to_ras[:3, :3]
    direction, _ = np.linalg.qr(lps / volume.spacing)
    direction *= np.sign(np.sum(direction * lps, axis=0))  # QR leaves the signs of the axes open
    image.SetSpacing(volume.spacing.tolist())
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin((volume.ijk_to_ras[:3, 3] * (-1, -1, 1)).tolist())
    return image


def _itk_elastix_image(volume: Volume):
    import itk

    reference = _itk_image(volume)
    image = itk.image_from_array(sitk.GetArrayFromImage(reference))
    image.SetSpacing(reference.GetSpacing())
    image.SetOrigin(reference.GetOrigin())
    image.SetDirection(itk.matrix_from_array(np.array(reference.GetDirection()).reshape(3, 3)))
    return image


def _elastix_transform(settings) -> sitk.Transform:
    numbers = [float(text) for text in settings["TransformParameters"]]
    centre = [float(text) for text in settings["CenterOfRotationPoint"]]
    transform = sitk.Euler3DTransform() if settings["Transform"][0] == "EulerTransform" else sitk.AffineTransform(3)
    transform.SetCenter(centre)
    transform.SetParameters(numbers)
    return transform


def _moving_to_fixed(fixed_to_moving_lps: sitk.Transform) -> NDArray[np.float64]:
    return ras_to_lps(np.linalg.inv(_lps_matrix(fixed_to_moving_lps)))


def _lps_matrix(transform: sitk.Transform) -> NDArray[np.float64]:
    """The 4×4 of a linear ITK transform, read off by four points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis in range(3):
        matrix[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    return matrix
