"""What is to be tracked: which frames, how, and to which track they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import slicer
from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..geometry.volume import Volume
from ..registration.plain import plain
from ..registration.tracking.options import ReferenceChoice, TrackingOptions
from ..scene.regions import mask_of
from ..scene.series.finding import tracks_of
from ..scene.series.frames import SceneSeries, browser_of
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
        spared: frames that were asked for too, but have been corrected and stay as they are.
        again: whether these are some frames of ``earlier`` once more, which make no track by themselves.
    """

    series: SceneSeries
    options: TrackingOptions
    mask: Volume | None
    earlier: SceneTrack | None
    wanted: tuple[int, ...]
    spared: tuple[int, ...] = ()
    again: bool = False


def plan_all(chosen: PanelParameters, shown: int) -> TrackPlan:
    """What a person has chosen: all frames but those corrected already; ``shown`` is the frame that the browser shows.

    Raises:
        InputError: as ``plan``.
    """
    references = {ReferenceWish.FIRST: ReferenceChoice.FIRST, ReferenceWish.MEAN: ReferenceChoice.MEAN}
    reference = references.get(chosen.trackReference, shown)
    options = TrackingOptions(chosen.model, chosen.refine, chosen.device.value, reference)
    return plan(chosen.movingVolume, chosen.movingMask, options, tracks_of(browser_of(chosen.movingVolume)))


def plan_again(chosen: PanelParameters, track: SceneTrack | None, frames: Sequence[int]) -> TrackPlan:
    """Only these frames, to the same reference as the others and by the same model.

    Those that a person has corrected are spared, unless there are no others among them.

    Raises:
        InputError: if there are none, or as ``plan``.
    """
    if track is None or not frames:
        raise InputError(_("Select the frames in the table that are to be tracked again."))
    index = track.reference.index
    reference = ReferenceChoice.MEAN if index is None else index
    options = TrackingOptions(track.options["model"], chosen.refine, chosen.device.value, reference)
    rest = [frame for frame in frames if frame not in track.corrected]
    spared = tuple(frame for frame in frames if frame in track.corrected) if rest else ()
    planned = plan(chosen.movingVolume, chosen.movingMask, options, [track], rest or frames)
    return replace(planned, spared=spared, again=True)


def plan(
    volume: slicer.vtkMRMLScalarVolumeNode | None,
    mask: slicer.vtkMRMLDisplayableNode | None,
    options: TrackingOptions,
    tracks: Sequence[SceneTrack],
    frames: Sequence[int] | None = None,
) -> TrackPlan:
    """What is to be done.

    Args:
        volume: plays the sequence.
        mask: of the head in the reference, or a box around it, or None.
        options: how to follow.
        tracks: that the scene has of the sequence, as ``scene.series.finding.tracks_of`` gives them.  The frames go into the
            first of them that they fit into.
        frames: to track; None for all that nobody has corrected.

    Raises:
        InputError: if this is no series that a head can be followed through, or the mask cannot be used.
    """
    series = SceneSeries(volume, next((track.transform for track in tracks if track.applied), None))
    earlier = next((track for track in tracks if _goes_on(track, options)), None)
    kept = {} if earlier is None else earlier.corrected
    wanted = [n for n in range(len(series.times)) if n not in kept] if frames is None else frames
    seen = options.reference if isinstance(options.reference, int) else 0  # the frame that the mask was drawn on
    if not 0 <= seen < len(series.times):
        raise InputError(_("{name} has no frame {frame}.").format(name=series.name, frame=seen))
    head = None if mask is None else mask_of(series.frame(seen), mask)
    return TrackPlan(series, options, head, earlier, tuple(wanted))


def _goes_on(track: SceneTrack, options: TrackingOptions) -> bool:
    """Whether frames tracked with these options belong to a track: of the same model, aligned to the same reference."""
    if track.options["model"] != options.model or not track.has_reference:
        return False
    return plain(options.reference) in (track.options["reference"], track.reference.index)
