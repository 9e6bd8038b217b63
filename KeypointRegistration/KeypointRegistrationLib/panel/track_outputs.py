"""What the panel makes of a track: plots whose points lead to frames, smoothed motion, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..scene.series.frames import SceneSeries
from ..scene.series.plot_views import clicked_frame, leave_plots, plots_are_shown, show_plots
from ..scene.series.track import SceneTrack
from .plot_clicks import PlotClicks
from .track_export import export_track

#: Does something and shows the sentence that comes of it, or why it could not be done.
Try = Callable[[Callable[[], str]], None]


class TrackOutputs:
    """The lower end of the section about motion."""

    def __init__(self, ui: Any, attempt: Try, on_frame: Callable[[int], None]) -> None:
        """``on_frame`` is told the frame of a point that the person clicks."""
        self._ui, self._on_frame = ui, on_frame
        self._track: SceneTrack | None = None
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._clicks = PlotClicks(self._on_clicked)
        self._is_filling = False
        ui.plotsCheckBox.connect("toggled(bool)", lambda wanted: attempt(self._show_plots if wanted else self._leave_plots))
        ui.smoothCheckBox.connect("toggled(bool)", self._on_smooth)
        ui.exportTrackButton.connect("clicked()", lambda: attempt(self._export))

    def show(self, track: SceneTrack | None, volume: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Be about the ``track`` of the sequence that ``volume`` plays.  Plots that a saved scene shows are heard again."""
        is_new, self._track, self._volume = track is not self._track, track, volume
        if is_new and track is not None and plots_are_shown(slicer.mrmlScene):
            self._show_plots()
        self._is_filling = True
        ui, has_frames = self._ui, track is not None and bool(track.motions)
        for widget in (ui.plotsCheckBox, ui.smoothCheckBox, ui.exportTrackButton):
            widget.enabled = has_frames
        ui.plotsCheckBox.checked = plots_are_shown(slicer.mrmlScene)
        ui.smoothCheckBox.checked = track is not None and track.shows_smoothed
        self._is_filling = False

    def close(self) -> None:
        """Let go of the plots, which stay."""
        self._clicks.close()

    def _show_plots(self) -> str:
        if self._track is not None and not self._is_filling:
            show_plots(self._track)
            self._clicks.listen()
        return ""

    def _leave_plots(self) -> str:
        if not self._is_filling:
            self._clicks.close()
            leave_plots(slicer.mrmlScene)
        return ""

    def _on_clicked(self, series: slicer.vtkMRMLPlotSeriesNode, point: int) -> None:
        frame = None if self._track is None else clicked_frame(self._track, series, point)
        if frame is not None:
            self._on_frame(frame)

    def _on_smooth(self, wanted: bool) -> None:
        if self._track is not None and not self._is_filling:
            self._track.show(smoothed=wanted)

    def _export(self) -> str:
        if self._track is None:
            return ""
        folder = qt.QFileDialog.getExistingDirectory(self._ui.exportTrackButton, _("Export the motion of the series"))
        if not folder:
            return ""
        with slicer.util.WaitCursor():
            target = export_track(self._track, SceneSeries(self._volume, self._track.transform), Path(folder))
        return _("Written to {folder}.").format(folder=target)
