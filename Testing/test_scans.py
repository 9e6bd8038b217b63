"""Scans and transforms from disk arrive in RAS, unaltered, or are refused in a sentence."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import write_series
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.scans import read_transform, read_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix, sample_volume

DIRECTION = sample_matrix(25.0)[:3, :3]


def write_image(path: Path, dtype: type = np.int16, shape: tuple[int, ...] = (5, 6, 7)) -> tuple[Path, np.ndarray]:
    """A small image with an oblique, anisotropic position, and its voxels."""
    voxels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = sitk.GetImageFromArray(voxels, isVector=False)
    if len(shape) == 3:
        image.SetSpacing((1.0, 2.0, 3.0))
        image.SetOrigin((10.0, 20.0, 30.0))
        image.SetDirection(DIRECTION.ravel())
    sitk.WriteImage(image, str(path))
    return path, voxels


def patched(path: Path, changes: Callable[[bytearray], None]) -> Path:
    """A NIfTI-1 file written by ITK, with its header changed."""
    write_image(path)
    content = bytearray(path.read_bytes())
    changes(content)
    path.write_bytes(content)
    return path


def put_sform(*rows: float) -> Callable[[bytearray], None]:
    """A change that leaves the file with this sform and no qform."""

    def change(header: bytearray) -> None:
        struct.pack_into("<2h", header, 252, 0, 1)
        struct.pack_into("<12f", header, 280, *rows)

    return change


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_every_format_puts_its_voxels_at_the_same_ras_positions(tmp_path: Path, suffix: str) -> None:
    path, voxels = write_image(tmp_path / f"scan{suffix}")
    volume = read_volume(path)
    image = sitk.ReadImage(str(path))
    for ijk in [(0, 0, 0), (6, 0, 0), (0, 5, 0), (0, 0, 4), (3, 2, 1)]:
        lps = np.array(image.TransformIndexToPhysicalPoint(ijk))
        assert np.allclose((volume.ijk_to_ras @ [*ijk, 1])[:3], lps * (-1, -1, 1), atol=1e-4)
    assert np.array_equal(volume.voxels, voxels)
    assert volume.name == path.name


@pytest.mark.parametrize(
    "name", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_the_number_type_is_kept(tmp_path: Path, suffix: str, name: str) -> None:
    path, voxels = write_image(tmp_path / f"scan{suffix}", np.dtype(name).type)
    volume = read_volume(path)
    assert volume.voxels.dtype == voxels.dtype
    assert np.array_equal(volume.voxels, voxels)


def test_voxels_outlive_the_image_that_they_were_read_into(tmp_path: Path) -> None:
    volumes = [read_volume(write_image(tmp_path / f"{n}.nrrd", np.int32, (64, 64, 64))[0]) for n in range(4)]
    expected = np.arange(64**3)
    assert all(np.array_equal(volume.voxels.ravel(), expected) for volume in volumes)
    assert not volumes[0].voxels.flags.writeable


def test_a_sheared_nifti_keeps_its_shear(tmp_path: Path) -> None:
    sheared = np.array([[1, 0.3, 0, -5], [0, 1, 0.1, 6], [0, 0, 2, 7], [0, 0, 0, 1.0]])
    path = patched(tmp_path / "sheared.nii", put_sform(*sheared[:3].ravel()))
    volume = read_volume(path)
    assert np.allclose(volume.ijk_to_ras, sheared, atol=1e-6)
    assert np.array_equal(volume.voxels.ravel(), np.arange(5 * 6 * 7))


@pytest.mark.parametrize("codes", [(0, 1), (0, 2), (1, 0), (1, 1), (2, 1), (1, 2), (0, 0)])
def test_of_two_positions_in_a_nifti_the_one_is_taken_that_itk_takes(tmp_path: Path, codes: tuple[int, int]) -> None:
    def change(header: bytearray) -> None:
        struct.pack_into("<2h", header, 252, *codes)
        struct.pack_into("<3f", header, 268, 1, 2, 3)  # another place for the qform alone

    path = patched(tmp_path / "scan.nii", change)
    image = sitk.ReadImage(str(path))
    last = (6, 5, 4)
    lps = np.array(image.TransformIndexToPhysicalPoint(last))
    assert np.allclose((read_volume(path).ijk_to_ras @ [*last, 1])[:3], lps * (-1, -1, 1), atol=1e-4)


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, 0.0), (1.0, -1024.0), (0.5, 3.0)])
def test_scaled_values_are_those_that_itk_reads(tmp_path: Path, slope: float, intercept: float) -> None:
    path = patched(tmp_path / "scan.nii", lambda header: struct.pack_into("<2f", header, 112, slope, intercept))
    assert np.allclose(read_volume(path).voxels, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def test_lengths_in_metres_become_millimetres(tmp_path: Path) -> None:
    path = patched(tmp_path / "scan.nii", lambda header: struct.pack_into("<B", header, 123, 1))
    assert np.allclose(read_volume(path).spacing, (1000, 2000, 3000))


def test_big_endian_files_and_nifti_2_can_be_read(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    voxels = np.arange(5 * 6 * 7, dtype=">i2").reshape(5, 6, 7)
    matrix = np.diag([2.0, 3.0, 4.0, 1.0])
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        swapped = kind(voxels.T, matrix, kind.header_class(endianness=">"))
        nibabel.save(swapped, tmp_path / "scan.nii.gz")
        volume = read_volume(tmp_path / "scan.nii.gz")
        assert np.array_equal(volume.voxels, voxels) and volume.voxels.dtype.isnative
        assert np.allclose(volume.ijk_to_ras, matrix)


def test_a_time_series_of_one_volume_is_a_volume(tmp_path: Path) -> None:
    path, voxels = write_image(tmp_path / "scan.nrrd", np.int16, (1, 5, 6, 7))
    assert np.array_equal(read_volume(path).voxels, voxels[0])


def test_what_is_written_reads_back_the_same_everywhere(tmp_path: Path) -> None:
    volume = sample_volume()
    write_nifti(tmp_path / "scan.nii.gz", volume)
    again = read_volume(tmp_path / "scan.nii.gz")
    assert np.array_equal(again.voxels, volume.voxels)
    assert np.allclose(again.ijk_to_ras, volume.ijk_to_ras, atol=1e-4)


def test_left_handed_and_sheared_grids_can_be_written(tmp_path: Path) -> None:
    mirror, shear = np.diag([-1.0, 1, 1, 1]), np.eye(4)
    shear[0, 2] = 0.4
    for matrix in (mirror, shear, shear @ mirror):
        volume = sample_volume().moved(matrix)
        write_nifti(tmp_path / "scan.nii.gz", volume)
        assert np.allclose(read_volume(tmp_path / "scan.nii.gz").ijk_to_ras, volume.ijk_to_ras, atol=1e-4)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda p: p / "absent.nii.gz", "no file"),
        (lambda p: _bytes(p / "text.nii.gz", b"hello"), "not an image"),
        (lambda p: _bytes(p / "empty.nrrd", b""), "not an image"),
        (lambda p: _bytes(p / "scan.xyz", b"hello"), "not an image"),
        (lambda p: write_image(p / "flat.nrrd", shape=(6, 7))[0], "2-D"),
        (lambda p: write_image(p / "slice.nii", shape=(1, 6, 7))[0], "single slice"),
        (lambda p: write_image(p / "series.nii", shape=(3, 5, 6, 7))[0], "3 volumes"),
        (lambda p: _colour(p / "rgb.nii.gz"), "3 values per voxel"),
        (lambda p: _colour(p / "rgb.mha"), "3 values per voxel"),
        (lambda p: patched(p / "a.nii", lambda h: struct.pack_into("<f", h, 84, 0)), "spacing of 1 × 0 × 3"),
        (lambda p: patched(p / "a.nii", lambda h: struct.pack_into("<f", h, 80, -1)), "spacing of -1 × 2 × 3"),
        (lambda p: patched(p / "a.nii", lambda h: struct.pack_into("<f", h, 80, np.nan)), "spacing of nan"),
        (lambda p: patched(p / "a.nii", put_sform(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)), "in one plane"),
        (lambda p: patched(p / "a.nii", put_sform(np.nan, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)), "not a finite"),
        (lambda p: _cut(patched(p / "a.nii", lambda _: None), 500), "incomplete"),
        (lambda p: _cut(write_image(p / "a.nii.gz", np.float64, (30, 30, 30))[0], 3000), "incomplete"),
        (lambda p: _cut(write_image(p / "a.nrrd", np.float64, (30, 30, 30))[0], 3000), "incomplete"),
        (lambda p: _cut(write_image(p / "a.mha", np.float64, (30, 30, 30))[0], 3000), "incomplete"),
        (lambda p: _cut(_compressed(p / "a.nrrd"), 3000), "incomplete"),
        (lambda p: _cut(_compressed(p / "a.mha"), 3000), "incomplete"),
        (lambda p: _metaimage(p, "1 0 0 0 1 0 0 0 1", "0 1 1"), "spacing of 0 × 1 × 1"),
        (lambda p: _metaimage(p, "1 0 0 0 1 0 0 0 1", "-1 1 1"), "spacing of -1 × 1 × 1"),
        (lambda p: _metaimage(p, "1 0 0 1 0 0 0 0 1", "1 1 1"), "in one plane"),
        (lambda p: _nrrd(p, "spacings: 1 -2 1"), "spacing of 1 × -2 × 1"),
        (lambda p: _nrrd(p, "space: left-posterior-superior\nspace directions: (0,0,0) (0,1,0) (0,0,1)"), "spacing of zero"),
        (lambda p: _nrrd(p, "space: left-posterior-superior\nspace directions: (1,0,0) (1,0,0) (0,0,1)"), "in one plane"),
        (lambda p: p, "without DICOM"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, write: Callable[[Path], Path], words: str) -> None:
    with pytest.raises(InputError, match=words) as refusal:
        read_volume(path := write(tmp_path))
    assert path.name in str(refusal.value)
    assert "\n" not in str(refusal.value) and "itk" not in str(refusal.value).lower()


def test_values_that_are_not_numbers_are_found(tmp_path: Path) -> None:
    voxels = sample_volume().voxels.astype(np.float32)
    voxels[3, 4, 5] = np.nan
    write_nifti(tmp_path / "nan.nii.gz", Volume(voxels, np.eye(4)))
    with pytest.raises(InputError, match=r"nan\.nii\.gz contains values that are not numbers"):
        read_volume(tmp_path / "nan.nii.gz").value_range()


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5"])
def test_a_transform_file_gives_moving_to_fixed(tmp_path: Path, suffix: str) -> None:
    pose = sitk.Euler3DTransform((40.0, 10.0, -20.0), 0.3, -0.2, 0.5, (5.0, -6.0, 7.0))
    sitk.WriteTransform(pose, str(tmp_path / f"pose{suffix}"))
    moving_to_fixed = read_transform(tmp_path / f"pose{suffix}")
    flip = np.array([-1, -1, 1])
    for fixed in np.array([[0, 0, 0], [50, -20, 30], [-10, 70, 5]], dtype=float):
        moving = np.array(pose.TransformPoint(tuple(fixed * flip))) * flip
        assert np.allclose((moving_to_fixed @ [*moving, 1])[:3], fixed, atol=1e-6)


def test_other_transform_files_are_refused(tmp_path: Path) -> None:
    sitk.WriteTransform(sitk.AffineTransform(2), str(tmp_path / "flat.tfm"))
    sitk.WriteTransform(sitk.BSplineTransform(3, 3), str(tmp_path / "bspline.tfm"))
    (tmp_path / "text.tfm").write_text("hello")
    for name in ("flat.tfm", "bspline.tfm", "text.tfm", "absent.tfm"):
        with pytest.raises(InputError, match=name):
            read_transform(tmp_path / name)


def test_real_scans_have_their_documented_geometry(shared_data: Path) -> None:
    volume = read_volume(shared_data / "fetal_stacks" / "sub-01_run-2_T2w.nii.gz")
    assert volume.shape == (22, 320, 320)
    assert np.allclose(volume.spacing, (1.125, 1.125, 3.3), atol=1e-3)


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _cut(path: Path, size: int) -> Path:
    assert path.stat().st_size > size
    return _bytes(path, path.read_bytes()[:size])


def _compressed(path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 1000, (30, 30, 30)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(path), useCompression=True)
    return path


def _colour(path: Path) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((5, 6, 7, 3), np.uint8), isVector=True), str(path))
    return path


def _metaimage(folder: Path, directions: str, spacing: str) -> Path:
    header = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nTransformMatrix = {directions}\nOffset = 0 0 0\n"
        f"ElementSpacing = {spacing}\nDimSize = 7 6 5\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    return _bytes(folder / "a.mha", header.encode() + bytes(2 * 7 * 6 * 5))


def _nrrd(folder: Path, position: str) -> Path:
    header = f"NRRD0004\ntype: short\ndimension: 3\nsizes: 7 6 5\nendian: little\nencoding: raw\n{position}\n\n"
    return _bytes(folder / "a.nrrd", header.encode() + bytes(2 * 7 * 6 * 5))


def test_a_gzip_file_that_is_no_scan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.nii.gz").write_bytes(gzip.compress(b"hello" * 200))
    with pytest.raises(InputError, match="not an image"):
        read_volume(tmp_path / "notes.nii.gz")


def test_a_dicom_folder_gives_its_largest_series(tmp_path: Path) -> None:
    volume = sample_volume(size=20)
    scout = Volume(volume.voxels[:3], volume.ijk_to_ras)
    write_series(write_series(tmp_path / "study", volume), scout, number=2)
    (tmp_path / "study" / "notes.txt").write_text("mine")
    again = read_volume(tmp_path / "study")
    assert np.array_equal(again.voxels, volume.voxels)
    assert np.allclose(again.ijk_to_ras, volume.ijk_to_ras, atol=1e-5)
    assert again.name == "study"


def test_a_tilted_gantry_gives_a_sheared_matrix(tmp_path: Path) -> None:
    tilt = np.eye(4)
    tilt[1, 2] = 0.3
    volume = sample_volume(size=20).moved(tilt)
    sheared = volume.ijk_to_ras.copy()
    # The rows and columns of a slice stay perpendicular; only the slices are pushed along each other.
    sheared[:3, :2] = sample_volume(size=20).ijk_to_ras[:3, :2]
    volume = Volume(volume.voxels, sheared)
    again = read_volume(write_series(tmp_path / "tilted", volume))
    assert np.allclose(again.ijk_to_ras, volume.ijk_to_ras, atol=1e-5)
    assert np.array_equal(again.voxels, volume.voxels)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda f: write_series(f, sample_volume(size=12), skip=(5,)), "Slices may be missing"),
        (
            lambda f: write_series(f, sample_volume(size=12), skip=tuple(range(1, 12))),
            "no DICOM series of more than one slice",
        ),
        (lambda f: _twice(f), "several slices at one place"),
    ],
)
def test_dicom_folders_that_are_not_one_even_stack_are_refused(
    tmp_path: Path, write: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read_volume(write(tmp_path / "series"))


def test_one_file_of_a_series_is_refused_with_advice(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series", sample_volume(size=12))
    with pytest.raises(InputError, match="name the folder"):
        read_volume(next(folder.iterdir()))


def _twice(folder: Path) -> Path:
    """Two volumes at the same place in one series, as a time series has them."""
    import pydicom

    write_series(folder, sample_volume(size=12))
    first = pydicom.dcmread(next(folder.iterdir())).SeriesInstanceUID
    write_series(folder, sample_volume(size=12, seed=1), number=2)
    for path in folder.glob("2-*"):
        data = pydicom.dcmread(path)
        data.SeriesInstanceUID = first
        data.SeriesNumber = 1
        data.save_as(path)
    return folder


def test_a_damaged_compressed_file_is_refused_even_if_it_is_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    write_nifti(path, sample_volume())
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # the check sum at the end
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_volume(path)


def test_a_mirroring_transform_is_refused(tmp_path: Path) -> None:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((-1, 0, 0, 0, 1, 0, 0, 0, 1))
    sitk.WriteTransform(transform, str(tmp_path / "mirror.tfm"))
    with pytest.raises(InputError, match="mirrors"):
        read_transform(tmp_path / "mirror.tfm")
