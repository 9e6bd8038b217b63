"""What is to be tracked: which frames, how, and to which track they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..geometry.volume import Volume
from ..registration.plain import plain
from ..registration.tracking.options import ReferenceChoice, TrackingOptions
from ..scene.inputs import mask_of
from ..scene.series.frames import SceneSeries
from ..scene.series.track import SceneTrack
from .parameters import PanelParameters, ReferenceWish


@dataclass(frozen=True, eq=False)
class TrackPlan:
    """One run.

    Attributes:
        series: the frames.
        options: how to follow the head.
        mask: of the head in the reference, in world RAS mm, or None to find it.
        earlier: the track that the frames go into, if they are aligned to the same reference; None for a new one.
        wanted: frames to track.
    """

    series: SceneSeries
    options: TrackingOptions
    mask: Volume | None
    earlier: SceneTrack | None
    wanted: tuple[int, ...]


def plan_all(chosen: PanelParameters, track: SceneTrack | None, shown: int) -> TrackPlan:
    """What a person has chosen: all frames but those corrected in ``track``; ``shown`` is the frame that the browser shows.

    Raises:
        InputError: as ``plan``.
    """
    references = {ReferenceWish.FIRST: ReferenceChoice.FIRST, ReferenceWish.MEAN: ReferenceChoice.MEAN}
    reference = references.get(chosen.trackReference, shown)
    options = TrackingOptions(chosen.model, chosen.refine, chosen.device.value, reference)
    return plan(chosen.movingVolume, chosen.movingMask, options, track)


def plan_again(chosen: PanelParameters, track: SceneTrack | None, frames: Sequence[int]) -> TrackPlan:
    """Only these frames, to the same reference as the others and by the same model.

    Raises:
        InputError: if there are none, or as ``plan``.
    """
    if track is None or not frames:
        raise InputError(_("Select the frames in the table that are to be tracked again."))
    index = track.reference.index
    reference = ReferenceChoice.MEAN if index is None else index
    options = TrackingOptions(track.options["model"], chosen.refine, chosen.device.value, reference)
    return plan(chosen.movingVolume, chosen.movingMask, options, track, frames)


def plan(
    volume: slicer.vtkMRMLScalarVolumeNode | None,
    mask: slicer.vtkMRMLVolumeNode | None,
    options: TrackingOptions,
    track: SceneTrack | None,
    frames: Sequence[int] | None = None,
) -> TrackPlan:
    """What is to be done.

    Args:
        volume: plays the sequence.
        mask: of the head in the reference, or None.
        options: how to follow.
        track: that the scene has of the sequence, or None.  Its frames are kept as far as they fit.
        frames: to track; None for all that nobody has corrected.

    Raises:
        InputError: if this is no series that a head can be followed through, or the mask cannot be used.
    """
    series = SceneSeries(volume, None if track is None else track.transform)
    earlier = track if track is not None and _goes_on(track, options) else None
    kept = {} if earlier is None else earlier.corrected
    wanted = [n for n in range(len(series.times)) if n not in kept] if frames is None else frames
    seen = options.reference if isinstance(options.reference, int) else 0  # the frame that the mask was drawn on
    if not 0 <= seen < len(series.times):
        raise InputError(_("{name} has no frame {frame}.").format(name=series.name, frame=seen))
    head = None if mask is None else mask_of(series.frame(seen), mask)
    return TrackPlan(series, options, head, earlier, tuple(wanted))


def _goes_on(track: SceneTrack, options: TrackingOptions) -> bool:
    """Whether frames tracked with these options belong to a track: of the same model, aligned to the same reference."""
    if track.options["model"] != options.model:
        return False
    return plain(options.reference) in (track.options["reference"], track.reference.index)
