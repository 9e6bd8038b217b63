"""What is to be tracked: which frames, how, and to which track they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """All frames, but those that a person has corrected in ``track``; ``shown`` is the frame at which the browser stands.

    Raises:
        InputError: if this is no series that a head can be followed through, or the mask cannot be used.
    """
    references = {ReferenceWish.FIRST: ReferenceChoice.FIRST, ReferenceWish.MEAN: ReferenceChoice.MEAN}
    reference = references.get(chosen.trackReference, shown)
    options = TrackingOptions(chosen.model, chosen.refine, chosen.device.value, reference)
    earlier = track if track is not None and _goes_on(track, options) else None
    series = _series(chosen, track)
    kept = {} if earlier is None else earlier.corrected
    wanted = tuple(frame for frame in range(len(series.times)) if frame not in kept)
    return TrackPlan(series, options, _mask(chosen, series, options), earlier, wanted)


def plan_again(chosen: PanelParameters, track: SceneTrack | None, frames: Sequence[int]) -> TrackPlan:
    """Only these frames, to the same reference as the others and by the same model.

    Raises:
        InputError: if there are none, or as in ``plan_all``.
    """
    if track is None or not frames:
        raise InputError(_("Select the frames in the table that are to be tracked again."))
    index = track.reference.index
    reference = ReferenceChoice.MEAN if index is None else index
    options = TrackingOptions(track.options["model"], chosen.refine, chosen.device.value, reference)
    series = _series(chosen, track)
    return TrackPlan(series, options, _mask(chosen, series, options), track, tuple(frames))


def _goes_on(track: SceneTrack, options: TrackingOptions) -> bool:
    """Whether frames tracked with these options belong to a track: of the same model, aligned to the same reference."""
    if track.options["model"] != options.model:
        return False
    return plain(options.reference) in (track.options["reference"], track.reference.index)


def _series(chosen: PanelParameters, track: SceneTrack | None) -> SceneSeries:
    return SceneSeries(chosen.movingVolume, None if track is None else track.transform)


def _mask(chosen: PanelParameters, series: SceneSeries, options: TrackingOptions) -> Volume | None:
    """The mask of the moving volume: it was drawn on the frame that is the reference, or on the first."""
    if chosen.movingMask is None:
        return None
    frame = options.reference if isinstance(options.reference, int) else 0
    return mask_of(series.frame(frame), chosen.movingMask)
