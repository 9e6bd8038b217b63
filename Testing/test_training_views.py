"""Reference points, poses and views: the truth that training rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.training import anatomy
from KeypointRegistrationLib.training.contrast import ContrastSettings, Painter, tissue_of
from KeypointRegistrationLib.training.generator import ViewGenerator, ViewSettings
from KeypointRegistrationLib.training.landmarks import NamedLandmarks
from KeypointRegistrationLib.training.poses import PoseRange, random_view, random_warp
from KeypointRegistrationLib.training.subjects import subject_from
from phantom import phantom_labels
from samples import sample_matrix

STILL = PoseRange(rotation=0, shift=0, scale=0, shear=0, warp=0)
LIVELY = PoseRange(rotation=60, shift=15, scale=0.2, shear=0.05, warp=4)


@pytest.fixture(scope="module")
def labels() -> Volume:
    return phantom_labels()


def generator(labels: Volume, seed: int = 0, crop: float = 0.0) -> ViewGenerator:
    numbers = sorted(np.unique(labels.voxels).tolist())
    tissue = tissue_of(numbers, 500, [2, 41], [4, 43], anatomy.twins())
    rng = torch.Generator().manual_seed(seed)
    subject = subject_from(labels, numbers, NamedLandmarks())
    canonical, order = torch.linspace(0, 1, tissue.count), torch.from_numpy(anatomy.mirrored_order())
    return ViewGenerator([subject], tissue, canonical, ViewSettings(32, 6.0, crop), ContrastSettings(), order, rng)


def test_every_reference_point_has_a_name_and_a_twin_across_the_midline() -> None:
    names, order = anatomy.names(), anatomy.mirrored_order()
    assert len(set(names)) == len(names)
    np.testing.assert_array_equal(order[order], np.arange(len(names)))
    assert all(names[twin] == name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
               for name, twin in zip(names, order, strict=True))  # fmt: skip


def test_reference_points_move_with_the_head(labels: Volume) -> None:
    tilt = sample_matrix(25.0)
    still, moved = anatomy.reference_points(labels), anatomy.reference_points(labels.moved(tilt))
    expected = still @ tilt[:3, :3].T + tilt[:3, 3]
    np.testing.assert_allclose(moved, expected, atol=1.0)


def test_a_map_without_a_structure_is_refused_by_name(labels: Volume) -> None:
    voxels = np.where(labels.voxels == 53, 0, labels.voxels)
    with pytest.raises(InputError, match=r"no right hippocampus \(label 53\)"):
        anatomy.reference_points(Volume(voxels, labels.ijk_to_ras, "map"))


def test_a_map_with_other_labels_is_refused(labels: Volume) -> None:
    with pytest.raises(InputError, match="labels that the configuration does not list"):
        subject_from(labels, [0, 2, 3], NamedLandmarks())


def test_the_mean_shape_is_symmetric_and_centred(labels: Volume) -> None:
    points = anatomy.reference_points(labels)
    shapes = np.stack([points, points * 1.1 + 5, points @ sample_matrix(20)[:3, :3].T])
    template, variation = anatomy.mean_shape(shapes, anatomy.mirrored_order())
    np.testing.assert_allclose(template.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(template[anatomy.mirrored_order()] * (-1, 1, 1), template, atol=0.5)
    assert (variation >= 0).all()


def test_a_mean_shape_is_found_where_the_points_of_one_determine_no_affine(labels: Volume) -> None:
    points = anatomy.reference_points(labels)
    flat = points * (1.0, 0.001, 1.0)
    template, variation = anatomy.mean_shape(np.stack([points, points, flat]), None)
    assert np.isfinite(template).all()
    assert (variation > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_view_undoes_its_own_mapping(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    view = random_view(torch.tensor([5.0, -9.0, 20.0]), random_warp(LIVELY, rng), LIVELY, rng)
    points = (torch.rand(50, 3, generator=rng) - 0.5) * 150
    torch.testing.assert_close(view.from_head(view.to_head(points)), points, atol=0.2, rtol=0)


def test_reference_points_lie_in_their_structures_in_every_view(labels: Volume) -> None:
    """The pallidum is small and convex: the class at its point must be its own, whatever the view."""
    views = generator(labels)
    rng = torch.Generator().manual_seed(3)
    subject = views._subjects[0]
    index = anatomy.names().index("left pallidum")
    numbers = sorted(np.unique(labels.voxels).tolist())
    for mirrored in (False, True):
        view = random_view(subject.points.mean(dim=0), random_warp(LIVELY, rng), LIVELY, rng)
        classes = views._look_up(subject, view, mirrored)
        order = anatomy.mirrored_order() if mirrored else np.arange(len(anatomy.names()))
        points = subject.points[order]
        if mirrored:
            points = points * torch.tensor([-1.0, 1, 1]) + torch.tensor([2 * float(view.centre[0]), 0, 0])
        place = view.from_head(points)[index]
        x, y, z = (place / 3.0 + 31.5).round().long().tolist()
        assert numbers[int(classes[z, y, x])] == (52 if mirrored else 13)


def test_two_views_of_one_subject_differ_by_the_motion_they_tell(labels: Volume) -> None:
    batch = generator(labels).pairs(2, [LIVELY], same_subject=1.0)
    assert batch.same_subject.all()
    motion = torch.linalg.solve(batch.linear[1::2], batch.linear[::2])
    expected = (batch.points[::2] - batch.shift[::2, None]) @ motion.mT + batch.shift[1::2, None]
    torch.testing.assert_close(batch.points[1::2], expected, atol=0.1, rtol=0)


def test_views_repeat_from_their_seed(labels: Volume) -> None:
    first, again = (generator(labels, seed=7).pairs(1, [LIVELY], 0.5) for _ in range(2))
    other = generator(labels, seed=8).pairs(1, [LIVELY], 0.5)
    torch.testing.assert_close(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_what_was_not_acquired_is_dark_and_its_points_absent(labels: Volume) -> None:
    views = generator(labels, crop=1.0)
    seen = [views.pairs(1, [STILL], 1.0) for _ in range(6)]
    assert any((~batch.present).any() for batch in seen)
    for batch in seen:
        for image, points, present in zip(batch.images, batch.points, batch.present, strict=True):
            index = (points[~present] / 6.0 + 15.5).round().long().clamp(0, 31)
            values = image[0, index[:, 2], index[:, 1], index[:, 0]]
            assert values.numel() == 0 or values.max() == 0


def test_cropping_hides_keypoints_often_enough_to_learn_that_they_can_be_absent(labels: Volume) -> None:
    views = generator(labels, crop=1.0)
    present = torch.cat([views.pairs(1, [STILL], 1.0).present for _ in range(8)])
    assert 0.1 < (~present).float().mean() < 0.4
    assert (present.float().mean(dim=1) > 0.4).all()  # and never so many that the head cannot be found


def test_images_are_between_zero_and_one_and_of_many_contrasts(labels: Volume) -> None:
    numbers = sorted(np.unique(labels.voxels).tolist())
    tissue = tissue_of(numbers, 500, [2, 41], [4, 43], anatomy.twins())
    rng = torch.Generator().manual_seed(0)
    classes = torch.randint(tissue.count, (32, 32, 32), generator=rng)
    images = torch.stack([Painter(tissue, ContrastSettings(), rng).paint(classes) for _ in range(8)])
    assert images.min() >= 0
    assert images.max() <= 1
    assert torch.corrcoef(images.flatten(1)).triu(diagonal=1).abs().max() < 0.99


def test_real_label_maps_agree_on_where_things_are(shared_data: Path) -> None:
    paths = sorted((shared_data / "labels_synthseg").glob("training_seg_0[1-3].nii.gz"))
    points = np.array([anatomy.reference_points(read_volume(path)) for path in paths])
    template, variation = anatomy.mean_shape(points, anatomy.mirrored_order())
    assert np.median(variation) < 5
    assert np.ptp(template[:, 1]) > 80  # from the back to the front of the brain, mm
