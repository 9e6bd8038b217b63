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


def tracks_of(browser: slicer.vtkMRMLSequenceBrowserNode | None) -> list[SceneTrack]:
    """The tracks that a browser plays: first the one that shows the head at rest, then the others, the latest first."""
    if browser is None:
        return []
    played = [track for track in reversed(find_tracks(browser.GetScene())) if track.browser is browser]
    return sorted(played, key=lambda track: not track.applied)


def track_of(browser: slicer.vtkMRMLSequenceBrowserNode | None) -> SceneTrack | None:
    """The track that a browser plays: the one that shows the head at rest, else the latest; None if there is none."""
    return next(iter(tracks_of(browser)), None)


def show_at_rest(track: SceneTrack) -> None:
    """Let the volume be shown as this track says, and no other."""
    for each in tracks_of(track.browser):
        each.applied = each.node is track.node
