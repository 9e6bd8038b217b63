"""Writes small DICOM series for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from KeypointRegistrationLib.geometry.volume import Volume
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

_FLIP = np.array([-1.0, -1.0, 1.0])


def write_series(
    folder: Path,
    volume: Volume,
    *,
    skip: tuple[int, ...] = (),
    number: int = 1,
    shuffled: bool = True,
    series: str | None = None,
    tags: Mapping[str, object] | None = None,
) -> Path:
    """Write the slices of a volume (int16) as one MR series, each at its own place; ``skip`` leaves some slices out.

    The file names say nothing about the order of the slices.  ``series`` is the UID of one to add to; ``tags`` are more
    values of all slices, by keyword.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series, study = series or generate_uid(), generate_uid()
    slices = [k for k in range(volume.shape[0]) if k not in skip]
    names = np.random.default_rng(0).permutation(len(slices)) if shuffled else range(len(slices))
    for name, k in zip(names, slices, strict=True):
        _write_slice(folder / f"{number}-{name:04d}.dcm", volume, k, series, study, number, tags or {})
    return folder


def _write_slice(
    path: Path, volume: Volume, k: int, series: str, study: str, number: int, tags: Mapping[str, object]
) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID, data.StudyInstanceUID, data.FrameOfReferenceUID = series, study, study
    data.Modality, data.PatientID, data.PatientName = "MR", "test", "Test"
    data.SeriesNumber, data.InstanceNumber = number, k + 1
    lps = volume.ijk_to_ras[:3] * _FLIP[:, None]
    along_row, along_column = (lps[:, axis] / volume.spacing[axis] for axis in (0, 1))
    data.ImageOrientationPatient = [f"{value:.10f}" for value in (*along_row, *along_column)]
    data.ImagePositionPatient = [f"{value:.8f}" for value in lps[:, 2] * k + lps[:, 3]]
    data.PixelSpacing = [f"{volume.spacing[1]:.8f}", f"{volume.spacing[0]:.8f}"]
    data.SliceThickness = f"{volume.spacing[2]:.8f}"
    data.Rows, data.Columns = volume.shape[1:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.PixelData = volume.voxels[k].astype("<i2").tobytes()
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    data.save_as(path, enforce_file_format=True)
