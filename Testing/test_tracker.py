"""Following a head through a series: found again after it was lost, doubted where it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import Card, load_card
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.files.series.store import TrackStore
from KeypointRegistrationLib.geometry.box import box_mask
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, invert, rotation_angle
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion, FrameStatus
from KeypointRegistrationLib.registration.tracking.tracker import ReferenceChoice, Tracker, TrackingOptions
from KeypointRegistrationLib.registration.tracking.words import other_head_notes
from samples import sample_heatmaps, sample_keypoints, sample_matrix, sample_volume
from scipy.spatial.transform import Rotation
from textured_head import textured_head
from tiny_model import write_tiny_bundle

COUNT = 24
QUICK = TrackingOptions(refine=False)
HEAD = sample_volume("head")
POINTS = sample_keypoints(COUNT)
STILL = np.eye(4)
FAR = 40.0  # mm from where the head is: the network does not see it there


@dataclass
class Scans:
    """A head that moves as told, and what each frame was made of."""

    motions: Sequence[np.ndarray | None]
    name: str = "series"
    read: list[int] = field(default_factory=list)

    @property
    def times(self) -> tuple[float, ...]:
        return tuple(2.0 * index for index in range(len(self.motions)))

    def frame(self, index: int) -> Volume:
        self.read.append(index)
        motion = self.motions[index]
        if motion is None:
            return replace(HEAD, voxels=np.full(HEAD.shape, 7.0), name=f"frame {index}")
        return replace(HEAD.moved(motion), name=f"frame {index}")


class Onlooker:
    """Sees the keypoints of a frame unless it looks too far from them; remembers where it was told to look."""

    def __init__(self, card: Card, series: Scans, hidden: Sequence[int] = ()) -> None:
        self.card = card
        self.warnings: list[str] = []
        self.device = "cpu"
        self.batches: list[int] = []
        self.starts: dict[int, list[np.ndarray | None]] = {}
        self._series = series
        self._hidden = hidden
        self.other: np.ndarray | None = None

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        return self._seen(volume, None)

    def detect_together(self, volumes: Sequence[Volume], start: np.ndarray) -> list[Detection]:
        self.batches.append(len(volumes))
        return [self._seen(volume, start) for volume in volumes]

    def other_head(self, volume: Volume, found: Detection) -> np.ndarray | None:
        return self.other

    def _seen(self, volume: Volume, start: np.ndarray | None) -> Detection:
        index = int(volume.name.split()[-1]) if volume.name.startswith("frame") else 0
        self.starts.setdefault(index, []).append(start)
        motion = self._series.motions[index]
        assert motion is not None
        missed = start is not None and np.linalg.norm((start - motion)[:3, 3]) > FAR
        keypoints = POINTS.moved(motion)
        if missed or index in self._hidden:
            rng = np.random.default_rng(index)
            keypoints = replace(keypoints, positions=rng.normal(scale=60.0, size=(COUNT, 3)))
        return Detection(keypoints, sample_heatmaps(keypoints), pose=motion)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    write_tiny_bundle(tmp_path)
    card = load_card("tiny", tmp_path)
    return replace(card, transform_types=(TransformType.RIGID,), labels=POINTS.labels, variation=np.zeros(COUNT))


def drifting(count: int) -> list[np.ndarray | None]:
    """Motions of fixed → frame that grow."""
    return [affine(sample_matrix(3.0 * index)[:3, :3], (2.0 * index, 0, 0)) for index in range(count)]


def follow(card: Card, series: Scans, options: TrackingOptions = QUICK, **hidden: Sequence[int]) -> list[FrameMotion]:
    return list(Tracker(series, options, Onlooker(card, series, **hidden)).follow())


def assert_true(found: FrameMotion, series: Scans, reference: int = 0) -> None:
    truth = series.motions[reference] @ invert(series.motions[found.index])
    np.testing.assert_allclose(found.moving_to_fixed, truth, atol=0.05)


def test_every_frame_is_brought_to_the_first_in_the_order_of_time(card: Card) -> None:
    series = Scans(drifting(4))
    frames = follow(card, series)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.time for frame in frames] == [0.0, 2.0, 4.0, 6.0]
    assert [frame.status for frame in frames] == [FrameStatus.REFERENCE] + 3 * [FrameStatus.TRACKED]
    for frame in frames:
        assert_true(frame, series)
        assert frame.trust.level is TrustLevel.GOOD
        assert frame.covariance is not None and frame.covariance.shape == (6, 6)
        assert np.linalg.eigvalsh(frame.covariance).min() > -1e-9


def test_each_frame_is_looked_at_where_the_head_was_in_the_last_one(card: Card) -> None:
    series = Scans(drifting(3))
    detector = Onlooker(card, series)
    list(Tracker(series, QUICK, detector).follow())
    assert detector.starts[0] == [None]
    np.testing.assert_allclose(detector.starts[1][0], series.motions[0], atol=0.05)
    np.testing.assert_allclose(detector.starts[2][0], series.motions[1], atol=0.05)


def test_another_frame_can_be_the_reference(card: Card) -> None:
    series = Scans(drifting(3))
    frames = follow(card, series, TrackingOptions(refine=False, reference=2))
    assert frames[2].status is FrameStatus.REFERENCE
    for frame in frames:
        assert_true(frame, series, reference=2)


def test_frames_that_a_mean_was_made_of_are_not_tracked_again_after_a_stop(card: Card, tmp_path: Path) -> None:
    series = Scans([sample_matrix(3.0 * index, (index, 0.0, 0.0)) for index in range(5)])
    options = TrackingOptions(refine=False, reference=ReferenceChoice.MEAN)
    whole = Tracker(series, options, Onlooker(card, series)).prepare(store=TrackStore(tmp_path, "run"))
    kept = TrackStore(tmp_path, "run")
    assert sorted(kept.frames) == [0, 1, 2, 3, 4]
    looker = Onlooker(card, series)
    again = Tracker(series, options, looker).prepare(store=kept)
    assert set(looker.starts) == {0}  # the first frame and the mean
    np.testing.assert_array_equal(again.scan.voxels, whole.scan.voxels)


def test_the_mean_of_the_aligned_frames_can_be_the_reference(card: Card) -> None:
    series = Scans(drifting(4))
    tracker = Tracker(series, TrackingOptions(refine=False, reference=ReferenceChoice.MEAN), Onlooker(card, series))
    reference = tracker.prepare()
    assert reference.index is None
    inside = HEAD.voxels[8:-8, 8:-8, 8:-8]
    difference = np.abs(reference.scan.voxels[8:-8, 8:-8, 8:-8] - inside).mean()
    assert difference < 0.25 * inside.std()  # were frames averaged where they are, it would be a blur
    for frame in tracker.follow():
        assert frame.status is FrameStatus.TRACKED
        assert_true(frame, series)


def test_a_head_that_jumps_away_is_found_again_and_the_jump_is_told(card: Card) -> None:
    motions = drifting(4)
    motions[2] = affine(np.eye(3), (0, 70.0, 0)) @ motions[2]
    motions[3] = affine(np.eye(3), (0, 70.0, 0)) @ motions[3]
    series = Scans(motions)
    frames = follow(card, series)
    assert [frame.refound for frame in frames] == [False, False, True, False]
    for frame in frames:
        assert_true(frame, series)
    assert frames[2].trust.level is TrustLevel.CHECK
    assert "The head moved far since frame 1" in frames[2].trust.reasons[0]
    assert frames[3].trust.level is TrustLevel.GOOD


def test_only_a_head_that_was_lost_is_found_again(card: Card) -> None:
    """The first frame is searched for the head, too, where another one is the reference."""
    series, options = Scans(drifting(4)), TrackingOptions(refine=False, reference=3)
    assert [frame.refound for frame in follow(card, series, options)] == 4 * [False]
    frames = follow(card, series, options, hidden=(0,))
    assert [frame.found for frame in frames] == [False, True, True, True]
    assert [frame.refound for frame in frames] == [False, True, False, False]


def test_a_lost_head_leaves_a_gap_and_is_followed_again_from_before_it(card: Card) -> None:
    series = Scans(drifting(5))
    frames = follow(card, series, hidden=(2,))
    assert frames[2].status is FrameStatus.LOST and frames[2].moving_to_fixed is None
    assert frames[2].trust.reasons[0] == "The head was not found in this frame."
    assert [frame.found for frame in frames] == [True, True, False, True, True]
    assert_true(frames[3], series)


def test_an_empty_frame_is_passed_over_with_the_reason(card: Card) -> None:
    motions = drifting(4)
    motions[1] = None
    series = Scans(motions)
    frames = follow(card, series)
    assert frames[1].status is FrameStatus.UNUSABLE
    assert "every voxel has the value 7" in frames[1].trust.reasons[0]
    assert_true(frames[2], series)


def test_a_frame_with_values_that_are_no_numbers_is_passed_over_with_the_reason(card: Card) -> None:
    class Broken(Scans):
        def frame(self, index: int) -> Volume:
            scan = super().frame(index)
            if index != 1:
                return scan
            voxels = scan.voxels.astype(np.float32)
            voxels[3, 4, 5] = np.nan
            return replace(scan, voxels=voxels)

    series = Broken(drifting(3))
    frames = follow(card, series)
    assert frames[1].status is FrameStatus.UNUSABLE
    assert frames[1].trust.reasons[0].startswith("frame 1 contains values that are not numbers (NaN or infinity).")
    assert_true(frames[2], series)


@dataclass
class Dropped(Scans):
    """Frames on a drive that is not there for some of them."""

    gone: Sequence[int] = ()

    def frame(self, index: int) -> Volume:
        if index in self.gone:
            raise InputError(f"Frame {index} of series.nii cannot be read: Input/output error.")
        return super().frame(index)


def test_a_frame_that_cannot_be_read_is_passed_over_and_tried_again_by_the_next_run(card: Card, tmp_path: Path) -> None:
    series, store = Dropped(drifting(5), gone=(2, 3)), TrackStore(tmp_path, "run")
    frames = follow(card, series)
    for frame in frames:
        store.add(frame)
    assert [frame.status for frame in frames[2:4]] == 2 * [FrameStatus.UNUSABLE]
    assert frames[2].trust.reasons == ("Frame 2 of series.nii cannot be read: Input/output error.",)
    assert_true(frames[4], series)
    known = TrackStore(tmp_path, "run").frames
    assert sorted(known) == [0, 1, 4]
    again = list(Tracker(Dropped(drifting(5)), QUICK, Onlooker(card, series)).follow(known))
    assert [frame.index for frame in again] == [2, 3]
    for frame in again:
        assert_true(frame, series)


def test_an_error_of_the_system_is_a_frame_that_cannot_be_read(card: Card) -> None:
    class Failing(Scans):
        def frame(self, index: int) -> Volume:
            if index == 1:
                raise OSError(5, "Input/output error")
            return super().frame(index)

    frames = follow(card, Failing(drifting(3)))
    assert [frame.unread for frame in frames] == [False, True, False]
    assert frames[1].trust.reasons == ("series, frame 1 cannot be read: Input/output error.",)


def test_frames_with_nothing_in_them_are_finished(card: Card, tmp_path: Path) -> None:
    """A frame that is not finite, one that is constant: reading them again changes nothing."""

    class Broken(Scans):
        def frame(self, index: int) -> Volume:
            scan = super().frame(index)
            return replace(scan, voxels=np.where(scan.voxels > 50, np.nan, scan.voxels)) if index == 2 else scan

    motions = drifting(4)
    motions[1] = None
    series, store = Broken(motions), TrackStore(tmp_path, "run")
    frames = follow(card, series)
    for frame in frames:
        store.add(frame)
    assert [frame.status for frame in frames[1:3]] == 2 * [FrameStatus.UNUSABLE]
    assert "not numbers (NaN or infinity)" in frames[2].trust.reasons[0]
    assert_true(frames[3], series)
    assert sorted(TrackStore(tmp_path, "run").frames) == [0, 1, 2, 3]


def test_a_reference_that_cannot_be_read_is_not_replaced_by_another_frame(card: Card) -> None:
    """Else a run that is started again would align its frames to another one than those it has."""
    with pytest.raises(InputError, match=r"Frame 0 of series\.nii cannot be read"):
        follow(card, Dropped(drifting(3), gone=(0,)))


def test_a_mean_is_not_made_without_a_frame_that_may_be_read_later(card: Card, tmp_path: Path) -> None:
    series = Dropped(drifting(4), gone=(2,))
    options = TrackingOptions(refine=False, reference=ReferenceChoice.MEAN)
    with pytest.raises(InputError, match=r"Frame 2 of series.nii cannot be read.*The mean needs every frame"):
        Tracker(series, options, Onlooker(card, series)).prepare(store=TrackStore(tmp_path, "run"))
    assert sorted(TrackStore(tmp_path, "run").frames) == [0, 1]


def test_the_first_frame_that_can_be_used_is_the_reference(card: Card) -> None:
    series = Scans([None, *drifting(3)])
    frames = follow(card, series)
    assert [frame.status for frame in frames[:2]] == [FrameStatus.UNUSABLE, FrameStatus.REFERENCE]


def test_what_is_known_is_not_tracked_again_but_followed_from(card: Card) -> None:
    series = Scans(drifting(6))
    known = {frame.index: frame for frame in follow(card, series)[:4]}
    series.read.clear()
    detector = Onlooker(card, series)
    frames = list(Tracker(series, QUICK, detector).follow(known))
    assert [frame.index for frame in frames] == [4, 5]
    assert series.read == [0, 4, 5]
    np.testing.assert_allclose(detector.starts[4][0], series.motions[3], atol=0.05)


def test_single_frames_can_be_tracked_again(card: Card) -> None:
    series = Scans(drifting(6))
    known = {frame.index: frame for frame in follow(card, series)}
    again = list(Tracker(series, QUICK, Onlooker(card, series)).follow(known, wanted=[3]))
    assert [frame.index for frame in again] == [3]
    assert_true(again[0], series)


@pytest.mark.parametrize(
    ("options", "motions", "sentence"),
    [
        (QUICK, drifting(1), "series has only one frame"),
        (TrackingOptions(reference=9), drifting(3), "has no frame 9: its 3 frames are numbered from 0 to 2"),
        (TrackingOptions(reference=1), [np.eye(4), None, np.eye(4)], "every voxel has the value 7"),
        (QUICK, [None, None], "No frame of series can be used"),
    ],
)
def test_what_cannot_be_followed_is_said(card: Card, options: TrackingOptions, motions: list, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        follow(card, Scans(motions), options)


def test_a_model_that_makes_no_rigid_alignments_follows_nothing(card: Card) -> None:
    series = Scans(drifting(2))
    with pytest.raises(InputError, match="makes no rigid alignments"):
        follow(replace(card, transform_types=(TransformType.AFFINE,)), series)


def test_motion_is_told_where_the_keypoints_are_that_the_reference_shows(card: Card) -> None:
    """Where a network puts one that is outside the scan means nothing."""
    shown = np.arange(COUNT) >= 4
    positions = np.where(shown[:, None], POINTS.positions, (400.0, 0.0, 0.0))
    keypoints = replace(POINTS, positions=positions, presence=np.where(shown, POINTS.presence, 0.0))
    series = Scans(drifting(2))
    looker = Onlooker(card, series)
    looker.detect = lambda volume, mask=None: Detection(keypoints, sample_heatmaps(keypoints), pose=STILL)  # type: ignore[method-assign]
    reference = Tracker(series, QUICK, looker).prepare()
    np.testing.assert_allclose(reference.centre, POINTS.positions[shown].mean(axis=0))
    assert reference.radius < 100.0


def test_another_head_in_the_reference_is_told_unless_the_person_has_chosen(card: Card) -> None:
    series = Scans(drifting(2))
    looker = Onlooker(card, series)
    assert other_head_notes(Tracker(series, QUICK, looker).prepare()) == ()
    looker.other = np.array([31.0, -12.4, 80.0])
    (note,) = other_head_notes(Tracker(series, QUICK, looker).prepare())
    assert "another head in frame 0, around R 31, A -12, S 80 mm" in note
    box = box_mask(np.eye(3) * 100, np.zeros(3))
    assert other_head_notes(Tracker(series, QUICK, looker, box).prepare()) == ()


def test_a_reference_without_a_head_is_refused(card: Card) -> None:
    series = Scans(drifting(2))
    blind = Onlooker(card, series)
    blind.detect = lambda volume, mask=None: Detection(POINTS, sample_heatmaps(POINTS))  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"No head was found in frame 0.*mask"):
        Tracker(series, QUICK, blind).prepare()


def test_a_saturated_frame_is_unusable(card: Card) -> None:
    class Clipped(Scans):
        def frame(self, index: int) -> Volume:
            scan = super().frame(index)
            return replace(scan, voxels=np.minimum(scan.voxels, 50)) if index == 1 else scan

    frames = follow(card, Clipped(drifting(3)))
    assert frames[1].status is FrameStatus.UNUSABLE
    assert "saturated" in frames[1].trust.reasons[0]


def test_a_graphics_card_looks_at_several_frames_together(card: Card) -> None:
    motions = drifting(12)
    motions[4] = None
    series = Scans(motions)
    detector = Onlooker(card, series)
    detector.device = "cuda"
    frames = list(Tracker(series, QUICK, detector).follow())
    assert detector.batches == [7, 3]  # after the reference eight frames, one of them empty, and the rest
    assert [frame.index for frame in frames] == list(range(12))
    for frame in frames:
        assert frame.status is FrameStatus.UNUSABLE if frame.index == 4 else frame.found
        if frame.found:
            assert_true(frame, series)


def test_what_is_found_elsewhere_and_cannot_be_trusted_is_no_head(card: Card) -> None:
    """The keypoints agree with each other, but the frame shows something else than the reference."""

    class Replaced(Scans):
        def frame(self, index: int) -> Volume:
            scan = super().frame(index)
            return replace(scan, voxels=np.random.default_rng(0).permuted(scan.voxels)) if index == 2 else scan

    motions = drifting(4)
    motions[2] = affine(np.eye(3), (0, 70.0, 0)) @ motions[2]
    frames = follow(card, Replaced(motions))
    assert [frame.status for frame in frames[1:]] == [FrameStatus.TRACKED, FrameStatus.LOST, FrameStatus.TRACKED]
    assert frames[2].moving_to_fixed is None


def test_a_head_whose_keypoints_are_seen_the_wrong_way_round_is_found_by_its_looks(card: Card) -> None:
    """Keypoints that agree with each other, turned by half a turn, from a sudden turn of the head on."""
    turn = affine(Rotation.from_euler("y", 70, degrees=True).as_matrix(), (4.0, 0, 0))
    motions = [STILL, STILL, STILL, STILL, turn, turn]

    class Looks(Scans):
        def frame(self, index: int) -> Volume:
            return replace(textured_head(motions[index], index), name=f"frame {index}")

    class Mistaken(Onlooker):
        def _seen(self, volume: Volume, start: np.ndarray | None) -> Detection:
            index = int(volume.name.split()[-1])
            wrong = np.diag([-1.0, -1.0, 1.0, 1.0]) if index > 3 else STILL
            keypoints = within.moved(motions[index] @ wrong)
            return Detection(keypoints, sample_heatmaps(keypoints), pose=motions[index] @ wrong)

    within = replace(POINTS, positions=0.5 * POINTS.positions)
    series = Looks(motions)
    frames = list(Tracker(series, TrackingOptions(refine=True), Mistaken(card, series)).follow())
    for frame in frames[4:]:
        error = frame.moving_to_fixed @ motions[frame.index]
        assert rotation_angle(error) < 2.0 and np.linalg.norm(error[:3, 3]) < 2.0
        assert not frame.used.any() and frame.covariance is None and frame.predicted_tre is None
    assert "look more alike turned by" in frames[4].trust.reasons[0]
    assert [frame.trust.level for frame in frames[4:]] == [TrustLevel.CHECK, TrustLevel.GOOD]  # then it stays there
