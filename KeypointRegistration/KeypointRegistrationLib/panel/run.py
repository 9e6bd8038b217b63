"""The run section: Apply, progress, Cancel, and the one line that says what happens or what went wrong."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from .banner import Banner


class RunSection:
    """Shows one of four states: waiting for inputs, ready, running, installing; and the last message."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self.show_idle("")
        self.show_message("")

    def show_idle(self, missing: str) -> None:
        """Nothing runs.  ``missing`` says what Apply still needs; empty when it can begin."""
        self._show_progress(False)
        self._ui.applyButton.enabled = not missing
        self._ui.applyButton.toolTip = missing or _("Register the moving volume to the fixed volume.")

    def show_running(self) -> None:
        """A registration has begun."""
        self._ui.applyButton.enabled = False
        self._ui.applyButton.toolTip = _("A registration is running.")
        self._ui.progressBar.value = 0
        self._show_progress(True)
        self.show_message(_("Starting the registration process…"))

    def show_installing(self) -> None:
        """What a registration needs is being installed."""
        self._show_progress(False)
        self._ui.applyButton.enabled = False
        self._ui.applyButton.toolTip = _("Missing Python packages are being installed.")
        self.show_message(_("Installing what the network needs…"))

    def show_progress(self, fraction: float, stage: str) -> None:
        """``fraction`` (0 to 1) is finished, and ``stage`` begins."""
        self._ui.progressBar.value = round(100 * fraction)
        self.show_message(_("{stage}…").format(stage=stage))

    def show_message(self, text: str) -> None:
        """What happens; empty for nothing."""
        self._ui.messageLabel.text = text
        self._ui.messageLabel.styleSheet = ""
        self._ui.messageLabel.visible = bool(text)

    def show_problem(self, text: str) -> None:
        """Why there is no result."""
        self.show_message(text)
        self._ui.messageLabel.styleSheet = Banner.ALARM.style

    def _show_progress(self, visible: bool) -> None:
        self._ui.progressBar.visible = visible
        self._ui.cancelButton.visible = visible
