"""Both point lists of a registration: who hears of what a person does with their points, and what they shall show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import slicer

from ...geometry.keypoints import Keypoints
from ...registration.correction import Point
from ...registration.result import Registration
from ..sides import Side
from .handle import SceneRegistration
from .paired_points import PairedPoints
from .points import missing_points, points_locked, set_points_locked


class Follower(Protocol):
    """Who hears of changes that were not written from here."""

    def on_drag_start(self) -> None:
        """A person has taken hold of a point, or clicked it."""

    def on_drag_end(self) -> None:
        """The person has let go."""

    def on_points_changed(self) -> None:
        """Points were moved, added or deleted: by dragging, or by any other means that the application has."""


class PairedLists:
    """The fixed and the moving list of one registration, as far as they are in the scene."""

    def __init__(self, result: SceneRegistration, follower: Follower) -> None:
        self._follower = follower
        self._is_writing = False
        self._lists: dict[Side, PairedPoints] = {}
        self._observations: list[tuple[Any, int]] = []
        for side, node in ((Side.FIXED, result.fixed_points), (Side.MOVING, result.moving_points)):
            if node is not None:
                to_world = np.array(result.provenance[side.value]["parent_to_world"])
                self._lists[side] = PairedPoints(node, to_world)
                self._observe(node)

    @property
    def locked(self) -> bool:
        """Whether points stay where they are when they are dragged."""
        return all(points_locked(points.node) for points in self._lists.values())

    @locked.setter
    def locked(self, locked: bool) -> None:
        with self._writing():
            for points in self._lists.values():
                set_points_locked(points.node, locked)

    def registered_position(self, side: Side, world: np.ndarray) -> np.ndarray:
        """Where a point of the scene's world, shape (3,) in RAS mm, is in a scan's RAS as it was registered."""
        return self._lists[side].registered_position(world[None])[0]

    def differences(self, registration: Registration) -> Iterator[tuple[Side, int, Point | None]]:
        """What is not as ``registration`` says: side, keypoint and position (registered RAS mm), None for one deleted."""
        for side, points in self._lists.items():
            shown = _keypoints(registration, side)
            for keypoint, position in points.differences(shown, missing_points(shown, registration)).items():
                yield side, keypoint, position

    def write(self, registration: Registration) -> None:
        """Let the lists show a registration."""
        with self._writing():
            for side, points in self._lists.items():
                if points.is_there:
                    points.write(_keypoints(registration, side), registration)

    def close(self) -> None:
        """Let go of the lists, which are locked again: nobody would follow them."""
        self.locked = True
        for node, tag in self._observations:
            node.RemoveObserver(tag)
        self._observations = []

    def _observe(self, node: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        handlers = {
            node.PointStartInteractionEvent: lambda *_: self._follower.on_drag_start(),
            node.PointEndInteractionEvent: lambda *_: self._follower.on_drag_end(),
            node.PointModifiedEvent: self._on_changed,
            node.PointAddedEvent: self._on_changed,
            node.PointRemovedEvent: self._on_changed,
            node.PointPositionUndefinedEvent: self._on_changed,
        }
        for event, handler in handlers.items():
            self._observations.append((node, node.AddObserver(event, handler)))

    def _on_changed(self, *_event: object) -> None:
        if not self._is_writing:
            self._follower.on_points_changed()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Meanwhile, changes are our own."""
        self._is_writing = True
        try:
            yield
        finally:
            self._is_writing = False


def _keypoints(registration: Registration, side: Side) -> Keypoints:
    return registration.fixed_keypoints if side is Side.FIXED else registration.moving_keypoints
