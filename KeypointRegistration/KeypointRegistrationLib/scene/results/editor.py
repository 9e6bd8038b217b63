"""A registration under a person's hands: the alignment follows every change at once, and every change can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...geometry.errors import InputError
from ...geometry.transforms import TransformType
from ...registration.correction import AddedPair, Correction, PairChoice, Point, corrected
from ...registration.result import Registration, SimilarityChange
from ...registration.similarity import likeness
from ..sides import Side
from .handle import SceneRegistration
from .paired_lists import PairedLists
from .placement import registered_scans

#: Calls back after so many milliseconds, when the application is not busy with the person.
Later = Callable[[int, Callable[[], None]], None]

#: Told of every change; ``live`` while a point is being dragged, when only what can follow at once should.
Listener = Callable[[bool], None]

_MOST_STEPS = 100  # of undo
_MEASURE_AFTER_MS = 300  # without a change: the similarity of the scans takes longer than a frame


class RegistrationEditor:
    """Changes one registration of the scene.

    Dragging a point of either list in any view aligns anew at every move (in closed form: no network), and counts as one
    step of undo.  What the application has done with the points by other means, as in the Markups module, counts as the
    person's as well; a point that was deleted there is left out of the fit and comes back.

    Args:
        result: the registration; more than one editor of the same one must not be open.
        later: runs something after so many milliseconds from the event loop; 0 joins what happens at one time.
    """

    def __init__(self, result: SceneRegistration, later: Later) -> None:
        self.result = result
        self._later = later
        self._listeners: list[Listener] = []
        self._past: list[Correction] = []
        self._future: list[Correction] = []
        self._before_drag: Correction | None = None
        self._is_scheduled = self._is_closed = False
        self._changes = 0
        self._message = ""
        self._lists = PairedLists(result, self)
        if self._is_unmeasured:  # it was saved before that
            self._measure_later()

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def original(self) -> Registration:
        """The network's answer."""
        return self.result.original

    @property
    def correction(self) -> Correction:
        """What the person has changed of it."""
        return self.result.correction

    @property
    def registration(self) -> Registration:
        """The result as it is now."""
        return self.result.registration

    @property
    def is_corrected(self) -> bool:
        """Whether anything differs from the network's answer."""
        return self.correction != Correction.none(self.original)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone."""
        return bool(self._future)

    @property
    def message(self) -> str:
        """What the person should know of the last change, as a sentence; empty if nothing."""
        return self._message

    @property
    def problem(self) -> str:
        """Why the registration cannot be corrected in the views any more, as a sentence; empty if it can."""
        if self.result.transform is None:
            return "The transform of this registration was deleted: nothing would follow a correction. Register again."
        for side, node in ((Side.FIXED, self.result.fixed_points), (Side.MOVING, self.result.moving_points)):
            if node is None:
                return (
                    f"The keypoint list of the {side.value} volume was deleted: its points cannot be moved. Register again."
                )
        return ""

    @property
    def locked(self) -> bool:
        """Whether points stay where they are when they are dragged."""
        return self._lists.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._lists.locked = locked

    # -- what a person does --------------------------------------------------------------------------------------------

    def set_choice(self, keypoint: int, choice: PairChoice) -> None:
        """Use a pair, leave it out, or let the fit decide."""
        self.set_choices({keypoint: choice})

    def set_choices(self, choices: Mapping[int, PairChoice]) -> None:
        """The same for several pairs, as one step."""
        merged = {**self.correction.choices, **choices}
        self._change(choices={k: choice for k, choice in merged.items() if choice is not PairChoice.AUTOMATIC})

    def set_factor(self, keypoint: int, factor: float) -> None:
        """Multiply the weight of a pair.

        Raises:
            InputError: if ``factor`` is not a positive number.
        """
        if not (np.isfinite(factor) and factor > 0):
            raise InputError("A weight must be a positive number. To leave a keypoint out, untick it.")
        merged = {**self.correction.factors, keypoint: float(factor)}
        self._change(factors={k: value for k, value in merged.items() if value != 1.0})

    def move(self, keypoint: int, side: Side, position: ArrayLike) -> None:
        """Put a keypoint elsewhere; ``position`` in the scan's RAS mm, as it was registered."""
        point = _point(position)
        self._do(_with_position(self.correction, len(self.original.status), keypoint, side, point))

    def put_back(self, keypoint: int) -> None:
        """Give one keypoint of the network its own positions, weight and part in the fit again."""
        names = ("choices", "factors", "fixed_positions", "moving_positions")
        without = {name: {k: v for k, v in getattr(self.correction, name).items() if k != keypoint} for name in names}
        self._change(**without)

    def add_pair(self, label: str, fixed: ArrayLike, moving: ArrayLike) -> int:
        """Add a pair at a position in either scan's RAS mm, as they were registered.  Returns its number."""
        self._change(added=(*self.correction.added, AddedPair(label, _point(fixed), _point(moving))))
        return len(self.registration.status) - 1

    def add_pair_at(self, label: str, world: ArrayLike) -> int:
        """Add a pair of which both points are shown at one place of the scene's world (RAS mm).  Returns its number.

        Raises:
            InputError: if a point list is no longer there, or under a transform that is not linear.
        """
        if self.problem:
            raise InputError(self.problem)
        place = np.asarray(world, dtype=float)
        fixed, moving = (self._lists.registered_position(side, place) for side in Side)
        return self.add_pair(label, fixed, moving)

    def remove_pair(self, keypoint: int) -> None:
        """Take an added pair away.  The network's keypoints can only be left out."""
        position = keypoint - len(self.original.status)
        if not 0 <= position < len(self.correction.added):
            raise ValueError(f"keypoint {keypoint} was not added by a person")
        self._do(self.correction.without_added(position, keypoint))

    def set_transform_type(self, kind: TransformType) -> None:
        """What the alignment may change."""
        self._change(transform_type=kind)

    def set_robust(self, robust: bool) -> None:
        """Whether pairs that disagree with the others are left out."""
        self._change(robust=robust)

    def set_keep_refinement(self, keep: bool) -> None:
        """Whether the step of the refinement by intensities is part of the alignment."""
        self._change(keep_refinement=keep)

    def undo(self) -> None:
        """Take the last change back."""
        if self._past:
            self._future.append(self.correction)
            self._show(self._past.pop())

    def redo(self) -> None:
        """Do again what was undone."""
        if self._future:
            self._past.append(self.correction)
            self._show(self._future.pop())

    def reset(self) -> None:
        """Back to the network's answer.  This, too, can be undone."""
        self._do(Correction.none(self.original))

    # -- who wants to know ---------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` after every change until ``close``."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Let go of the point lists, which are locked again: nobody would follow them."""
        if not self.result.scene.IsClosing():  # else nobody will look at the verdict
            self._measure()
        self._lists.close()
        self._is_closed = True
        self._listeners = []

    # -- changes from here ---------------------------------------------------------------------------------------------

    def _change(self, **changes: Any) -> None:
        self._do(replace(self.correction, **changes))

    def _do(self, correction: Correction, before: Correction | None = None) -> None:
        """A step that can be undone, from ``before`` (default: the present state)."""
        before = self.correction if before is None else before
        if correction != before:
            self._past = [*self._past, before][-_MOST_STEPS:]
            self._future = []
        self._show(correction)

    def _show(self, correction: Correction) -> None:
        """Take over a correction for good: scene, record, lists, and then the similarity, which takes longer."""
        if self.result.is_replaced:
            return
        self.result.correct(correction, self._solve(correction))
        self._lists.write(self.registration)
        self._measure_later()
        self._tell(live=False)

    def _solve(self, correction: Correction, similarity: SimilarityChange | None = None) -> Registration:
        return corrected(self.original, correction, similarity, previous=self.registration)

    @property
    def _is_unmeasured(self) -> bool:
        return self.is_corrected and bool(np.isnan(self.registration.similarity.after))

    def _measure_later(self) -> None:
        """Measure the similarity once nothing has changed for a while."""
        self._changes += 1
        changes = self._changes

        def measure() -> None:
            if not self._is_closed and changes == self._changes and self._before_drag is None:
                self._measure()

        self._later(_MEASURE_AFTER_MS, measure)

    def _measure(self) -> None:
        """The similarity of the scans in the corrected alignment, where they are still there."""
        if not self.result.is_current or not self._is_unmeasured:
            return
        try:
            fixed, moving = registered_scans(self.result)
        except InputError:  # a scan is gone or has been changed, which other parts of the panel tell
            return
        anatomy = self.original.fixed_keypoints.positions if self.original.of_one_person else None
        after = likeness(fixed, moving, self.registration.moving_to_fixed, anatomy)
        similarity = SimilarityChange(self.original.similarity.before, after)
        self.result.correct(self.correction, self._solve(self.correction, similarity))
        self._tell(live=False)

    def _tell(self, *, live: bool) -> None:
        for listener in list(self._listeners):
            listener(live)

    # -- changes in the point lists ------------------------------------------------------------------------------------

    def on_drag_start(self) -> None:
        """A point was taken hold of: what comes until it is let go is one step."""
        if self._before_drag is None:
            self._before_drag = self.correction

    def on_drag_end(self) -> None:
        """The point was let go."""
        before, self._before_drag = self._before_drag, None
        correction = self._correction_of_lists()
        if before is not None and not before == correction == self.correction:
            self._do(correction, before)
        elif self._is_unmeasured:  # it was a click, which has held up the measurement
            self._measure_later()

    def on_points_changed(self) -> None:
        """Points are elsewhere: follow them, once for all that happens at one time."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._later(0, self._follow_points)

    def _follow_points(self) -> None:
        self._is_scheduled = False
        if self._is_closed or not self.result.is_current or self.problem:  # else what others did would be undone
            return
        correction = self._correction_of_lists()
        if self._before_drag is None:
            if correction != self.correction or self._message:
                self._do(correction)
        elif correction != self.correction:
            self.result.correct(correction, self._solve(correction), lasting=False)
            self._tell(live=True)

    def _correction_of_lists(self) -> Correction:
        """The correction with the points where the lists have them now."""
        correction, gone = self.correction, set()
        for side, keypoint, position in self._lists.differences(self.registration):
            if position is None:
                gone.add(keypoint)
            else:
                correction = _with_position(correction, len(self.original.status), keypoint, side, position)
        self._message = self._farewell(gone)
        choices = {**correction.choices, **dict.fromkeys(gone, PairChoice.LEAVE_OUT)}
        return replace(correction, choices=choices) if gone else correction

    def _farewell(self, gone: set[int]) -> str:
        """What became of points that were deleted.  To let them go would break the numbering of both lists."""
        if not gone:
            return ""
        names = [self.registration.fixed_keypoints.labels[k] for k in sorted(gone)]
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return f"Deleted from the point list: {listed}. The point stays in the list, but is left out of the alignment."


def _with_position(correction: Correction, network: int, keypoint: int, side: Side, position: Point) -> Correction:
    """The correction with a keypoint, of the ``network`` many or added, at a position in one scan."""
    if keypoint >= network:
        pair = correction.added[keypoint - network]
        pair = replace(pair, fixed=position) if side is Side.FIXED else replace(pair, moving=position)
        added = tuple(pair if n == keypoint - network else other for n, other in enumerate(correction.added))
        return replace(correction, added=added)
    if side is Side.FIXED:
        return replace(correction, fixed_positions={**correction.fixed_positions, keypoint: position})
    return replace(correction, moving_positions={**correction.moving_positions, keypoint: position})


def _point(position: ArrayLike) -> Point:
    x, y, z = np.asarray(position, dtype=float).tolist()
    return x, y, z
