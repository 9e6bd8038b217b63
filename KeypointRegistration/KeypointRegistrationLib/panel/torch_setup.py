"""PyTorch on demand: one question, then the PyTorch extension installs it.  This code never imports torch.

Whether torch works is the worker's finding: it is the process that uses it.
"""

from __future__ import annotations

import logging

import slicer.util
from slicer.i18n import tr as _

from ..geometry.errors import InputError

#: Reads the weights; small, and not among what comes with torch.
_WEIGHTS_READER = "safetensors>=0.4"


def offer_torch() -> bool:
    """Ask whether to install PyTorch, and do it.  Returns whether it is worth trying again.

    Raises:
        InputError: if it could not be installed, with what to do.
    """
    question = _(
        "Keypoint Registration runs a neural network, which needs the Python packages PyTorch and safetensors. "
        "They are not installed yet.\n\n"
        "Download and install them now? This may take several minutes."
    )
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle=_("Install PyTorch")):
        return False
    try:
        import PyTorchUtils  # of the PyTorch extension, which may be absent
    except ImportError as error:
        raise InputError(
            _("PyTorch comes with the extension of that name. Install it in the Extensions Manager, then apply again.")
        ) from error
    try:
        # Without arguments: their names have changed between versions of the extension.
        if PyTorchUtils.PyTorchUtilsLogic().installTorch() is None:
            return False
        slicer.util.pip_install(_WEIGHTS_READER)
    except Exception as error:  # pip runs in there: anything can come out, and it must reach the person as a sentence
        logging.exception("PyTorch could not be installed")
        raise InputError(
            _("PyTorch could not be installed. Check the network connection and the free disk space; the log says more.")
        ) from error
    return True
