"""Mouse and keys in a view, as events of its interactor: Slicer's own displayable managers find what is under the mouse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
import vtk

_BUTTONS = ("Left", "Middle", "Right")


class Mouse:
    """The mouse over one view.  Positions are display pixels (x, y) from the lower left corner.

    What Slicer does with it, as observed here: pressing on a control point of a list that is not locked starts an
    interaction and ends it on release, also where the point itself is locked, which then does not move; without a move in
    between the list's display node also invokes ``JumpToPointEvent``.  A locked list hears nothing.
    """

    def __init__(
        self,
        interactor: vtk.vtkRenderWindowInteractor,
        style: slicer.vtkMRMLViewInteractorStyle,
        managers: slicer.vtkMRMLDisplayableManagerGroup,
    ) -> None:
        self._interactor, self._style = interactor, style
        interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())  # VTK's default style would move cameras itself
        style.SetDisplayableManagers(managers)
        style.SetInteractor(interactor)

    def close(self) -> None:
        """Let go of the view."""
        self._style.SetInteractor(None)

    def move(self, position: Sequence[float], *modifiers: str) -> None:
        """Move to a position, with ``Ctrl`` or ``Shift`` held."""
        self._invoke("MouseMoveEvent", position, modifiers)

    def press(self, position: Sequence[float], button: str = "Left", *modifiers: str) -> None:
        """Hold a button down."""
        assert button in _BUTTONS, f"a mouse has no button {button!r}"
        self._invoke(f"{button}ButtonPressEvent", position, modifiers)

    def release(self, position: Sequence[float], button: str = "Left", *modifiers: str) -> None:
        """Let a button go."""
        self._invoke(f"{button}ButtonReleaseEvent", position, modifiers)

    def enter(self, position: Sequence[float]) -> None:
        """Come into the view."""
        self._invoke("EnterEvent", position, ())
        self.move(position)

    def leave(self) -> None:
        """Go out of the view."""
        self._interactor.InvokeEvent("LeaveEvent")

    def drag(self, start: Sequence[float], end: Sequence[float], steps: int, *modifiers: str) -> None:
        """Press at ``start``, move to ``end`` in equal ``steps``, and release."""
        self.enter(start)
        self.press(start, "Left", *modifiers)
        for share in np.linspace(0.0, 1.0, steps + 1)[1:]:
            self.move(np.asarray(start) + share * (np.asarray(end) - np.asarray(start)), *modifiers)
        self.release(end, "Left", *modifiers)
        self.leave()

    def click(self, position: Sequence[float], button: str = "Left", *modifiers: str) -> None:
        """Press and release without moving."""
        self.enter(position)
        self.press(position, button, *modifiers)
        self.release(position, button, *modifiers)
        self.leave()

    def wheel(self, position: Sequence[float], notches: int, *modifiers: str) -> None:
        """Turn the wheel, forward for positive ``notches``."""
        self.enter(position)
        name = "MouseWheelForwardEvent" if notches > 0 else "MouseWheelBackwardEvent"
        for _ in range(abs(notches)):
            self._invoke(name, position, modifiers)

    def key(self, position: Sequence[float], symbol: str) -> None:
        """Press a key, by its VTK symbol, with the mouse over the view."""
        self.enter(position)
        self._interactor.SetKeyEventInformation(0, 0, symbol[0] if len(symbol) == 1 else chr(0), 0, symbol)
        for name in ("KeyPressEvent", "CharEvent", "KeyReleaseEvent"):
            self._interactor.InvokeEvent(name)

    def _invoke(self, name: str, position: Sequence[float], modifiers: Sequence[str]) -> None:
        x, y = (round(float(value)) for value in position)
        self._interactor.SetEventInformation(x, y, "Ctrl" in modifiers, "Shift" in modifiers, chr(0), 0, None)
        self._interactor.InvokeEvent(name)
