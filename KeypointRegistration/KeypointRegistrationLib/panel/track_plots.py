"""The plots of a track in the panel's hands: shown, left, and clicked."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from ..scene.series.plot_views import clicked_frame, leave_plots, plots_are_shown, show_plots
from ..scene.series.track import SceneTrack
from .plot_clicks import PlotClicks


class TrackPlots:
    """Shows plots of the track that the panel shows, and leads from a point that is clicked to its frame."""

    def __init__(self, on_frame: Callable[[int], None]) -> None:
        """``on_frame`` is told the frame of a point that the person clicks."""
        self._on_frame = on_frame
        self._track: SceneTrack | None = None
        self._clicks = PlotClicks(self._on_clicked)

    @property
    def are_shown(self) -> bool:
        """Whether the views are arranged for plots."""
        return plots_are_shown(slicer.mrmlScene)

    def follow(self, track: SceneTrack | None) -> None:
        """Be about this track from now on, or none.  Plots that a saved scene shows can be clicked again."""
        if track is not self._track:
            self._track = track
            if track is not None and self.are_shown:
                self.show()

    def show(self) -> None:
        """Arrange the views.  Raises InputError if there are none."""
        if self._track is not None:
            show_plots(self._track)
            self._clicks.listen()

    def leave(self) -> None:
        """Put the views back as the person had them."""
        self._clicks.close()
        leave_plots(slicer.mrmlScene)

    def close(self) -> None:
        """Let go of the plots, which stay."""
        self._clicks.close()

    def _on_clicked(self, series: slicer.vtkMRMLPlotSeriesNode, point: int) -> None:
        frame = None if self._track is None else clicked_frame(self._track, series, point)
        if frame is not None:
            self._on_frame(frame)
