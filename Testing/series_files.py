"""Writes small time series of every kind for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from dicom_files import write_series
from host.mrml import RealScene
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.volume import Volume
from pydicom.uid import generate_uid
from samples import sample_volume

SECONDS = 1.5


def sample_frames(count: int = 5, size: int = 8) -> list[Volume]:
    """Volumes of one oblique, anisotropic grid, all different."""
    first = sample_volume(size=size)
    voxels = [first.voxels[:-1, :, :-2] + 1000 * index for index in range(count)]  # as many voxels along no two axes
    return [replace(first, voxels=np.ascontiguousarray(frame)) for frame in voxels]


def write_with_itk(path: Path, frames: list[Volume], seconds: float = SECONDS) -> Path:
    """One 4-D file, as ITK writes it."""
    image = sitk.JoinSeries([_image(frame) for frame in frames], 0.0, seconds)
    sitk.WriteImage(image, str(path))
    return path


def write_with_slicer(path: Path, frames: list[Volume], times: list[str], unit: str = "s", compressed: bool = True) -> Path:
    """One 4-D file, as Slicer saves a sequence of volumes."""
    with RealScene() as real:
        sequence = real.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "series")
        sequence.SetIndexUnit(unit)
        sequence.SetIndexType(sequence.NumericIndex if unit else sequence.TextIndex)
        for frame, time in zip(frames, times, strict=True):
            node = slicer.vtkMRMLScalarVolumeNode()
            image = vtk.vtkImageData()
            image.SetDimensions(frame.shape[::-1])
            image.AllocateScalars(vtk.VTK_SHORT, 1)
            node.SetAndObserveImageData(image)
            node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(frame.ijk_to_ras))
            slicer.util.arrayFromVolume(node)[:] = frame.voxels
            sequence.SetDataNodeAtValue(node, time)
        storage = real.scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
        storage.SetFileName(str(path))
        storage.SetUseCompression(compressed)
        assert storage.WriteData(sequence)
    return path


def write_list_first(path: Path, frames: list[Volume], times: str = "0 1.5 3 4.5 6", encoding: str = "raw") -> Path:
    """One 4-D NRRD file in which the frames' axis is the fastest, as older versions of Slicer saved it."""
    signs = np.array([-1, -1, 1])
    vectors = ["(" + ",".join(f"{x:.12g}" for x in column * signs) + ")" for column in frames[0].ijk_to_ras[:3].T]
    voxels = np.stack([frame.voxels for frame in frames], axis=-1).astype("<i2")
    header = [
        "NRRD0005", "# made for a test", "type: short", "dimension: 4", "space: left-posterior-superior",
        "sizes: " + " ".join(map(str, voxels.shape[::-1])), f"space directions: none {' '.join(vectors[:3])}",
        "kinds: list domain domain domain", "endian: little", f"encoding: {encoding}", f"space origin: {vectors[3]}",
        'units: "s" "" "" ""', "axis 0 index type:=numeric", f"axis 0 index values:={times}", "", "",
    ]  # fmt: skip
    path.write_bytes("\n".join(header).encode() + voxels.tobytes())
    return path


def write_folder(folder: Path, frames: list[Volume]) -> Path:
    """One NIfTI file per frame, whose names sort naturally but not by their letters."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        write_nifti(folder / f"scan{9 + index}.nii.gz", frame)
    return folder


def write_dicom(folder: Path, frames: list[Volume], tags: Sequence[Mapping[str, object]], **options: object) -> Path:
    """One DICOM series of all frames' slices; ``tags`` are those of each frame's slices, by their keywords.

    The file names say nothing about the order of frames.  ``options`` are those of ``dicom_files.write_series``.
    """
    series = generate_uid()
    for index, (frame, values) in enumerate(zip(frames, tags, strict=True)):
        # The number is only part of the file names and of a tag that does not count.
        write_series(folder, frame, number=100 - index, series=series, tags=values, **options)
    return folder


def _image(frame: Volume) -> sitk.Image:
    lps = np.diag([-1, -1, 1, 1]) @ frame.ijk_to_ras
    image = sitk.GetImageFromArray(frame.voxels)
    image.SetSpacing(frame.spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / frame.spacing).ravel().tolist())
    return image
