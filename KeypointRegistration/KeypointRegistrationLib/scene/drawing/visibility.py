"""Whose keypoints the views show."""

from __future__ import annotations

from collections.abc import Iterable

from ..results.handle import SceneRegistration


def show_points_of(shown: SceneRegistration, results: Iterable[SceneRegistration]) -> None:
    """Show the point lists of one registration and hide those of the others: their points are on other scans."""
    for result in results:
        for points in (result.fixed_points, result.moving_points):
            if points is not None and points.GetDisplayNode() is not None:
                points.SetDisplayVisibility(result.identifier == shown.identifier)
