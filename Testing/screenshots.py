"""Pictures of the panel and of the whole window for README, tutorial and extension page: ``python Testing/screenshots.py``.

The real function: the demo's two heads, which Python packages ship under open licences, one of them turned away, registered
by the real worker and model; a person at the panel opens section after section, in an off-screen window with real views.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import demo
import numpy as np
import slicer
from demo_heads import COLIN, fetch
from host.application import Application
from host.person import Person
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import averaged
from KeypointRegistrationLib.geometry.transforms import affine
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from palette import save_palette_png
from PySide6 import QtCore, QtGui, QtWidgets
from scipy.spatial.transform import Rotation
from tracked_scene import add_sequence

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE = REPOSITORY / "KeypointRegistration" / "KeypointRegistration.py"
CACHE = REPOSITORY / ".cache" / "heads"
FOLDER = REPOSITORY / "Resources" / "Screenshots"

#: The narrowest panel that must be usable, and the whole window, in pixels.
PANEL_WIDTH, WINDOW_SIZE = 350, (1440, 860)

#: The one picture in all its colours; the others make do with a palette.
MAIN_PICTURE = "window"

#: The keypoint that the pictures are about.
KEYPOINT = "left thalamus"
IN_TABLE = "L thalamus"  # as the table shortens it

#: The series of the second head: voxels averaged, frames, which one is empty, and by what the head moves between them.
SERIES_AVERAGED, SERIES_FRAMES, EMPTY_FRAME = (3, 3, 3), 8, 5
STEP_DEGREES, STEP_MM = (1.5, -2.5, 3.0), (0.8, -0.4, 0.5)

#: The file of each section's picture, by the name of its root widget.
SECTIONS = {
    "KeypointRegistration": "register",
    "TrackSection": "track",
    "ResultSection": "result",
    "KeypointsSection": "keypoints",
    "CompareSection": "compare",
    "CorrectSection": "correct",
    "UseSection": "use",
    "AnnotateSection": "annotate",
    "WorklistSection": "worklist",
}


class Photographer:
    """A person at the panel beside the views, and where the pictures go."""

    def __init__(self, application: Application, folder: Path, panel: Any = None) -> None:
        self.application, self.folder = application, folder
        self.panel = panel or application.open_panel(MODULE, PANEL_WIDTH, WINDOW_SIZE[1])
        self.person = Person(application, self.panel)
        application.main_window.resize(*WINDOW_SIZE)
        application.viewport.setGeometry(PANEL_WIDTH, 0, WINDOW_SIZE[0] - PANEL_WIDTH, WINDOW_SIZE[1])
        application.process_events()

    def load_heads(self) -> None:
        """Both heads into the scene, the second one turned away."""
        fixed = demo.named(read_volume(fetch(COLIN, CACHE)), COLIN)
        moving = demo.second_head()
        moving = replace(demo.turned(moving, demo.turn(moving)), name=moving.name)
        nodes = [_shown(self.application.scene, scan) for scan in (fixed, moving)]
        slicer.util.setSliceViewerLayers(background=nodes[0])
        slicer.app.layoutManager().resetSliceViews()
        self.person.choose("fixedVolumeSelector", fixed.name)
        self.person.choose("movingVolumeSelector", moving.name)

    def register(self) -> None:
        """Apply, and wait for the result."""
        self.person.click("applyButton")
        self.application.wait_until(lambda: self.person.can_click("applyButton"), "the result")

    def open_only(self, *sections: str) -> None:
        """Collapse every section of the panel but those whose root has one of these names."""
        for root in self.person.roots():
            for button in root.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
                if button.metaObject().className() == "ctkCollapsibleButton":
                    button.setProperty("collapsed", root.objectName() not in sections)
        self.application.process_events()

    def section(self, name: str) -> None:
        """A picture of one section, all of it, at the narrow width."""
        self.open_only(name)
        window, root = self.panel.parent.window, self.person.widget(name)
        window.resize(PANEL_WIDTH, 2000)
        self.application.process_events()
        for layout in root.findChildren(QtWidgets.QLayout):  # heights of wrapped texts were for another width
            layout.invalidate()
        self.application.process_events()
        self._save(root.grab().toImage(), SECTIONS[name])
        window.resize(PANEL_WIDTH, WINDOW_SIZE[1])
        self.application.process_events()

    def window(self, name: str) -> None:
        """A picture of the panel beside the views, drawn anew."""
        self.application.process_events()
        self.application.layout_manager.draw()
        self.application.process_events()
        self._save(self.application.main_window.grab().toImage(), name)

    def _save(self, image: QtGui.QImage, name: str) -> None:
        path = self.folder / f"{name}.png"
        if name == MAIN_PICTURE:
            image.save(str(path))
        else:
            save_palette_png(image, path)
        print(f"{path} ({path.stat().st_size / 1024:.0f} KB)")


def _shown(scene: slicer.vtkMRMLScene, scan: Volume) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume node in a window that suits the anatomy, as a person would drag it."""
    node = add_volume(scene, scan)
    values = scan.voxels[::4, ::4, ::4]
    low, high = np.percentile(values[values > values.mean() / 4], (1, 99.5))
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(float(low) * 0.5, float(high))
    return node


def take_all(photographer: Photographer) -> None:
    """All pictures, in the order of the work, once the scans are loaded and chosen."""
    photographer.section("KeypointRegistration")
    photographer.open_only("KeypointRegistration")
    photographer.window("window_loaded")
    photographer.register()
    photographer.section("ResultSection")
    look(photographer)
    correct(photographer)
    keep(photographer)
    follow(photographer)


def look(photographer: Photographer) -> None:
    """To understand the result: compare, choose a keypoint, and show what is known of it."""
    person, layout = photographer.person, photographer.application.layout_manager
    photographer.open_only("CompareSection", "KeypointsSection")
    person.click("compareButton")
    layout.draw()
    person.click_cell("keypointTable", _row_with(person, "keypointTable", IN_TABLE), 0)
    for name in ("heatmapsCheckBox", "ellipsoidsCheckBox", "arrowsCheckBox", "labelsCheckBox"):
        person.click(name)
    three_d = layout.view("1")
    three_d.look_from((300, 500, 150))
    three_d.zoom(2.2)
    photographer.section("KeypointsSection")
    photographer.open_only("ResultSection", "KeypointsSection")
    photographer.window("window")
    for name in ("heatmapsCheckBox", "ellipsoidsCheckBox", "arrowsCheckBox"):
        person.click(name)


def correct(photographer: Photographer) -> None:
    """Drag the keypoint in a view, with the checkerboard below."""
    person = photographer.person
    photographer.open_only("CompareSection", "CorrectSection")
    person.choose("compareModeComboBox", "Checkerboard")
    photographer.section("CompareSection")
    photographer.open_only("CompareSection", "CorrectSection")
    person.click("dragCheckBox")
    points = photographer.panel._bench.editor.result.fixed_points
    labels = [points.GetNthControlPointLabel(k) for k in range(points.GetNumberOfControlPoints())]
    start = np.array(points.GetNthControlPointPositionWorld(labels.index(KEYPOINT)))
    photographer.application.layout_manager.view("FixedAxial").drag(start, start + np.array((6.0, 3.0, 0.0)))
    photographer.section("CorrectSection")
    photographer.open_only("CompareSection", "CorrectSection")
    photographer.window("window_correct")
    person.click("undoButton")


def keep(photographer: Photographer) -> None:
    """Rate, step through the scene's pairs, and export."""
    person = photographer.person
    photographer.open_only("AnnotateSection")
    person.type("reviewerEdit", "A. Reader")
    person.type("ratingCommentEdit", "ventricles and cortex match")
    person.click("acceptButton")
    photographer.section("AnnotateSection")
    photographer.open_only("WorklistSection")
    person.click("pairsOfSceneButton")
    photographer.section("WorklistSection")
    photographer.open_only("UseSection")
    person.type("exportFolderEdit", "S1 to Colin27")
    person.click("exportButton")
    photographer.section("UseSection")


def follow(photographer: Photographer) -> None:
    """Follow the second head through a series: it turns slowly, and one frame is empty."""
    person, application = photographer.person, photographer.application
    photographer.open_only("CompareSection")
    person.click("compareButton")  # back to the slices
    head = volume_from_node(photographer.panel._parameters.movingVolume)
    volume = add_sequence(application.scene, _series(averaged(head, SERIES_AVERAGED)), "fMRI")
    application.process_events()
    photographer.open_only("KeypointRegistration", "TrackSection")
    person.choose("movingVolumeSelector", "fMRI")
    slicer.util.setSliceViewerLayers(background=volume)
    person.click("trackButton")
    application.wait_until(lambda: person.can_click("trackButton"), "the track")
    person.click("plotsCheckBox")
    person.click_cell("trackTable", EMPTY_FRAME, 0)
    photographer.section("TrackSection")
    person.click_cell("trackTable", EMPTY_FRAME - 1, 0)
    slicer.app.layoutManager().resetSliceViews()
    photographer.open_only("TrackSection")
    photographer.window("window_track")


def _series(head: Volume) -> list[Volume]:
    """Frames of a head that turns and drifts."""
    frames = []
    for index in range(SERIES_FRAMES):
        turn = Rotation.from_rotvec(np.deg2rad(STEP_DEGREES) * index).as_matrix()
        away = affine(turn, head.centre + index * np.array(STEP_MM) - turn @ head.centre)
        voxels = np.zeros_like(head.voxels) if index == EMPTY_FRAME else head.voxels
        frames.append(replace(head.moved(away), voxels=voxels))
    return frames


def _row_with(person: Person, table: str, text: str) -> int:
    """The first row whose first cell begins with ``text``; the first one if none does."""
    texts = person.reads_column(table, 0)
    return next((row for row, entry in enumerate(texts) if entry.startswith(text)), 0)


def main(folder: Path) -> None:
    """Take all pictures of the demo's heads."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with Application() as application, tempfile.TemporaryDirectory() as workplace:
        os.chdir(workplace)  # where the person exports to
        photographer = Photographer(application, folder)
        photographer.load_heads()
        take_all(photographer)
        os.chdir(REPOSITORY)
        assert application.problems == [], application.problems


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
