"""How long a dragged keypoint takes to be seen: ``python Testing/benchmark_drag.py [--document]``.

A real mouse drags a control point in a slice view; everything follows as in Slicer: the event reaches the editor, the
alignment is solved again, transform and lists are written, the panel with all its sections open tells the new numbers, and
six slice views as in the compare layout are drawn.  The baseline is measured in turn with it, on the same scene: somebody
sets the transform, and the same views are drawn.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from host.application import Application
from host.person import Person
from host.views import SliceView
from KeypointRegistrationLib.evaluation.tables import put_into
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.scene.results import editor as editor_module
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.volumes import add_volume
from PySide6 import QtWidgets
from samples import sample_registration, sample_volume

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE = REPOSITORY / "KeypointRegistration" / "KeypointRegistration.py"
COUNTS = (64, 128, 512)
SIZE, MOVES, WARM_UP = 160, 60, 5
VIEW_SIZE = (320, 320)
_ORIENTATIONS = ("Axial", "Sagittal", "Coronal")

#: What happens between a mouse that moves and a view that shows it, in order.
PARTS = ("mouse", "align", "scene", "panel", "draw")


@dataclass
class Times:
    """Seconds per move: of every part, and of the baseline."""

    parts: dict[str, list[float]] = field(default_factory=lambda: {part: [] for part in PARTS})
    baseline: list[float] = field(default_factory=list)

    @property
    def totals(self) -> np.ndarray:
        """Seconds from the mouse to the picture, per move."""
        return np.sum([self.parts[part] for part in PARTS], axis=0)


class Bench:
    """Two scans of ``size``³ voxels, their registration with ``count`` keypoints, the panel open at it, and six views."""

    def __init__(self, application: Application, count: int, size: int) -> None:
        self.application = application
        scene = application.scene
        fixed = add_volume(scene, sample_volume("fixed", size, 190 / size))
        moving = add_volume(scene, sample_volume("moving", size, 190 / size, seed=1))
        registration = replace(
            sample_registration(count),
            transform_type=TransformType.AFFINE,
            requested_type=TransformType.AFFINE,
            fixed_heatmaps=None,
            moving_heatmaps=None,
        )
        self.result = add_registration(scene, fixed, moving, registration)
        self._pending: deque[Callable[[], None]] = deque()
        self.editor = self._opened_panel()._bench.editor
        self.editor._later = self._later
        self.editor.locked = False
        self.views = [SliceView(application.real_scene, f"Fixed{o}", o, VIEW_SIZE) for o in _ORIENTATIONS]
        self.views += [SliceView(application.real_scene, f"Moving{o}", o, VIEW_SIZE) for o in _ORIENTATIONS]
        self.place = registration.fixed_keypoints.positions[0]
        for number, view in enumerate(self.views):
            view.show(fixed if number < 3 else moving, moving if number < 3 else None)
            view.jump(self.place)
            view.draw()

    def _opened_panel(self) -> Any:
        """The panel with every section open."""
        panel = self.application.open_panel(MODULE, 420, 2600)
        for root in Person(self.application, panel).roots():
            for child in root.findChildren(QtWidgets.QWidget):
                if child.metaObject().className() == "ctkCollapsibleButton":
                    child.setProperty("collapsed", False)
        self.application.process_events()
        return panel

    def close(self) -> None:
        for view in self.views:
            view.close()

    def drag(self, times: Times, moves: int) -> None:
        """Drag the first keypoint in a circle, one move at a time, with one turn of the baseline after each."""
        view = self.views[0]
        start = np.array(view.display_position(self.place))
        view.mouse.enter(start)
        view.mouse.press(start)
        for move in range(1, moves + WARM_UP + 1):
            offset = 12 * np.array((np.sin(move / 5), np.cos(move / 5) - 1))
            parts = self._one_move(start + offset)
            baseline = self._one_baseline()
            if move > WARM_UP:
                for part, seconds in parts.items():
                    times.parts[part].append(seconds)
                times.baseline.append(baseline)
        view.mouse.release(start + offset)

    def _one_move(self, position: np.ndarray) -> dict[str, float]:
        with _timed(editor_module, "corrected") as aligning, _timed(self.editor, "_tell") as telling:
            started = time.perf_counter()
            self.views[0].mouse.move(position)
            moved = time.perf_counter()
            while self._pending:
                self._pending.popleft()()
            followed = time.perf_counter()
            self.application.process_events()
            painted = time.perf_counter()
            self._draw()
            drawn = time.perf_counter()
        align, told = sum(aligning), sum(telling)
        assert align > 0, "the alignment did not follow the point"
        return {
            "mouse": moved - started,
            "align": align,
            "scene": followed - moved - align - told,
            "panel": told + painted - followed,
            "draw": drawn - painted,
        }

    def _one_baseline(self) -> float:
        """The same transform set once more by hand, hardly different, and the same views."""
        node = self.result.transform
        matrix = slicer.util.arrayFromTransformMatrix(node)
        matrix[0, 3] += 1e-3
        vtk_matrix = slicer.util.vtkMatrixFromArray(matrix)
        started = time.perf_counter()
        node.SetMatrixTransformToParent(vtk_matrix)
        self._draw()
        return time.perf_counter() - started

    def _draw(self) -> None:
        for view in self.views:
            view.draw()

    def _later(self, delay_ms: int, action: Callable[[], None]) -> None:
        """What is not for the next turn of the event loop is not part of a frame."""
        if delay_ms == 0:
            self._pending.append(action)


@contextmanager
def _timed(owner: object, name: str) -> Iterator[list[float]]:
    """Meanwhile, seconds of every call of a function that a module or object has under that name."""
    seconds: list[float] = []
    function = getattr(owner, name)

    def call(*arguments: object, **keywords: object) -> object:
        started = time.perf_counter()
        try:
            return function(*arguments, **keywords)
        finally:
            seconds.append(time.perf_counter() - started)

    setattr(owner, name, call)
    try:
        yield seconds
    finally:
        setattr(owner, name, function)


def measure(count: int, size: int = SIZE, moves: int = MOVES) -> Times:
    """Times of dragging with ``count`` keypoints, between scans of ``size``³ voxels."""
    times = Times()
    gc.collect()
    with Application() as application:
        bench = Bench(application, count, size)
        bench.drag(times, moves)
        bench.close()
        assert application.problems == [], application.problems
    return times


def table(measured: dict[int, Times]) -> str:
    """Markdown: milliseconds from the moved point to the drawn views, beside the baseline."""
    head = ["keypoints", "median ms", "p95 ms", *(f"{part} ms" for part in PARTS), "baseline median / p95 ms", "ratio"]
    lines = [_line(head), _line(["---"] * len(head))]
    for count, times in measured.items():
        shares = [f"{1e3 * np.median(times.parts[part]):.1f}" for part in PARTS]
        own, plain = _two(times.totals), _two(times.baseline)
        ratio = f"{np.median(times.totals / np.array(times.baseline)):.2f}"
        lines.append(_line([str(count), *own, *shares, " / ".join(plain), ratio]))
    return "\n".join(lines)


def _two(seconds: Sequence[float] | np.ndarray) -> list[str]:
    return [f"{1e3 * value:.1f}" for value in (np.median(seconds), np.percentile(seconds, 95))]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Measure, print, and with ``--document`` put the table into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--document", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    text = table({count: measure(count) for count in COUNTS})
    print(text)
    if arguments.document:
        put_into(REPOSITORY / "docs" / "benchmarks.md", "drag", text)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY / "KeypointRegistration"))
    sys.exit(main())
