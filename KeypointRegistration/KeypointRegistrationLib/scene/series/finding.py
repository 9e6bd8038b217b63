"""The tracked series of a scene."""

from __future__ import annotations

import slicer

from . import parts
from .track import SceneTrack


def find_tracks(scene: slicer.vtkMRMLScene) -> list[SceneTrack]:
    """All tracks in a scene, the earliest first; also those read from a file."""
    found = []
    for node in parts.track_nodes(scene):
        try:
            track = SceneTrack(node)
        except ValueError:  # the user has damaged it, or a later version has written it
            continue
        if track.is_there:
            found.append(track)
    return found


def track_of(browser: slicer.vtkMRMLSequenceBrowserNode | None) -> SceneTrack | None:
    """The latest track that a browser plays, or None."""
    if browser is None:
        return None
    return next((track for track in reversed(find_tracks(browser.GetScene())) if track.browser is browser), None)
