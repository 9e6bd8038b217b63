"""A sequence of volumes as a time series of scans, where the scene shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...geometry.volume import Volume
from ..volumes import local_ijk_to_ras, transform_to_world, volume_from_node

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
_SAME_SPACING = 1e-3  # mm


def browser_of(volume: slicer.vtkMRMLVolumeNode | None) -> slicer.vtkMRMLSequenceBrowserNode | None:
    """The browser that lets a volume show the frames of a sequence, or None if it is a single scan."""
    if volume is None or volume.GetScene() is None:
        return None
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode", volume.GetScene())
    return next((browser for browser in browsers if browser.GetSequenceNode(volume) is not None), None)


class SceneSeries:
    """The frames of the sequence that a volume node shows: a ``registration.tracking.frames.Series``.

    All frames are where the scene shows the volume now, in world RAS.  The voxels are the sequence's, not copied.

    Attributes:
        volume: the node that shows the frames, one at a time.
        browser: lets it.
        sequence: holds the frames.
        parent: the transform that the volume is under, an earlier track left aside; None for none.
        to_world: 4×4, from the RAS of the frames' own coordinates to the world's.

    Raises:
        InputError: if this is no series that a head can be followed through.
    """

    def __init__(
        self, volume: slicer.vtkMRMLScalarVolumeNode | None, earlier: slicer.vtkMRMLTransformNode | None = None
    ) -> None:
        """``earlier``: the transform of an earlier track, which does not count if the volume is under it."""
        browser = browser_of(volume)
        if volume is None or browser is None:
            raise InputError("The moving volume is not a sequence. Choose one that a sequence browser shows.")
        self.volume, self.browser = volume, browser
        self.sequence: slicer.vtkMRMLSequenceNode = browser.GetSequenceNode(volume)
        self._earlier = earlier
        self.parent = _parent(volume, earlier)
        self.to_world = _to_world(volume, self.parent)
        self._check()

    @property
    def name(self) -> str:
        """For people."""
        return self.volume.GetName()

    @property
    def times(self) -> tuple[float, ...]:
        """Of the frames in seconds, ascending; what else the sequence counts in where that is no time."""
        return frame_times(self.sequence)

    @property
    def is_timed(self) -> bool:
        """Whether the sequence says when its frames were taken."""
        return is_timed(self.sequence)

    def frame(self, index: int) -> Volume:
        """The scan at position ``index``, in world RAS mm.

        Raises:
            InputError: if it is gone or has no voxels.
        """
        node = self._node(index)
        scan = volume_from_node(node)
        return Volume(scan.voxels, self.to_world @ local_ijk_to_ras(node), f"{self.name} frame {index}")

    def state(self, index: int) -> FrameState | None:
        """What tells whether a frame is still the one that was looked at; None for one that is gone."""
        if self.sequence.GetScene() is None or index >= self.sequence.GetNumberOfDataNodes():
            return None
        node = self.sequence.GetNthDataNode(index)
        image = node.GetImageData()
        return None if image is None else FrameState(image, image.GetMTime(), local_ijk_to_ras(node).tobytes())

    def check_place(self) -> None:
        """Raises InputError if the volume has been moved, or removed, since this series was made."""
        gone = self.volume.GetScene() is None or self.sequence.GetScene() is None
        if gone or browser_of(self.volume) is not self.browser:
            raise InputError(f"{self.name} was removed while it was tracked. Load it and track it again.")
        parent = _parent(self.volume, self._earlier)
        if parent is not self.parent or not np.allclose(_to_world(self.volume, parent), self.to_world):
            raise InputError(f"{self.name} was moved while it was tracked. Track it again.")

    def _node(self, index: int) -> slicer.vtkMRMLScalarVolumeNode:
        if self.sequence.GetScene() is None or index >= self.sequence.GetNumberOfDataNodes():
            raise InputError(f"Frame {index} of {self.name} is no longer there. Load the sequence again.")
        return self.sequence.GetNthDataNode(index)

    def _check(self) -> None:
        count = self.sequence.GetNumberOfDataNodes()
        master = self.browser.GetMasterSequenceNode()
        if _index(master) != _index(self.sequence):
            raise InputError(
                f"{self.name} is played along with {master.GetName()}, which has other frames. "
                "Give it a sequence browser of its own."
            )
        if count < 2:
            raise InputError(f"{self.name} has only one frame. Following a head takes at least two.")
        first = self.frame(0)
        for index in range(1, count):
            scan = self.frame(index)
            if scan.shape != first.shape:
                raise InputError(_DIFFERENT.format(name=self.name, index=index, this=_size(scan), that=_size(first)))
            if not np.allclose(scan.spacing, first.spacing, atol=_SAME_SPACING):
                raise InputError(_DIFFERENT.format(name=self.name, index=index, this=_voxel(scan), that=_voxel(first)))


@dataclass(frozen=True, eq=False)
class FrameState:
    """A frame at one moment: its image, when that was changed last, and where its voxels are."""

    image: vtk.vtkImageData
    time: int
    position: bytes

    def is_as(self, other: FrameState | None) -> bool:
        """Whether nothing has happened between two moments."""
        if other is None:
            return False
        return self.image is other.image and self.time == other.time and self.position == other.position


def frame_times(sequence: slicer.vtkMRMLSequenceNode) -> tuple[float, ...]:
    """When each frame was taken, in seconds; where the sequence says no time, what it counts in, or the frames' numbers."""
    values = _ascending(sequence)
    if values is None:
        return tuple(float(n) for n in range(sequence.GetNumberOfDataNodes()))
    scale = _SECONDS.get(_unit(sequence), 1.0)
    return tuple(scale * value for value in values)


def is_timed(sequence: slicer.vtkMRMLSequenceNode) -> bool:
    """Whether a sequence says when its frames were taken: in a unit of time, by numbers that ascend."""
    return _unit(sequence) in _SECONDS and _ascending(sequence) is not None


def _ascending(sequence: slicer.vtkMRMLSequenceNode) -> list[float] | None:
    """The numbers that the frames are indexed by; None if they are none, or not in order."""
    try:
        values = [float(sequence.GetNthIndexValue(n)) for n in range(sequence.GetNumberOfDataNodes())]
    except ValueError:
        return None
    return values if np.isfinite(values).all() and (np.diff(values) > 0).all() else None


def _index(sequence: slicer.vtkMRMLSequenceNode) -> list[str]:
    return [sequence.GetNthIndexValue(n) for n in range(sequence.GetNumberOfDataNodes())]


def _unit(sequence: slicer.vtkMRMLSequenceNode) -> str:
    return (sequence.GetIndexUnit() or "").strip().lower()


_DIFFERENT = (
    "The frames of {name} differ: frame {index} has {this}, the first one {that}. "
    "A head can only be followed through frames of one size."
)


def _size(scan: Volume) -> str:
    return "×".join(map(str, scan.shape[::-1])) + " voxels"


def _voxel(scan: Volume) -> str:
    return "voxels of " + "×".join(f"{side:.2f}" for side in scan.spacing) + " mm"


def _parent(
    volume: slicer.vtkMRMLVolumeNode, earlier: slicer.vtkMRMLTransformNode | None
) -> slicer.vtkMRMLTransformNode | None:
    """What a volume is under, but for the transform of an earlier track."""
    parent = volume.GetParentTransformNode()
    return earlier.GetParentTransformNode() if earlier is not None and parent is earlier else parent


def _to_world(volume: slicer.vtkMRMLVolumeNode, parent: slicer.vtkMRMLTransformNode | None) -> NDArray[np.float64]:
    """4×4 of all transforms from ``parent`` on, which must be the same for all frames."""
    if parent is None:
        return np.eye(4)
    above: slicer.vtkMRMLTransformNode | None = parent
    while above is not None:
        if browser_of(above) is not None:
            raise InputError(
                f"{volume.GetName()} is under the transform {above.GetName()}, which changes from frame to frame. "
                "Take the volume out of it."
            )
        above = above.GetParentTransformNode()
    return transform_to_world(parent, volume.GetName())
