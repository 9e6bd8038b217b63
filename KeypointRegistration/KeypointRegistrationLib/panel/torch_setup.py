"""PyTorch on demand: one question, then the PyTorch extension installs it.

This code never imports torch in Slicer's process; the PyTorch extension's own installer does so once, right after
installing.  Whether torch works is the worker's finding: it is the process that uses it.
"""

from __future__ import annotations

import logging
from typing import Any

import slicer.util
from slicer.i18n import tr as _

from ..geometry.errors import InputError

#: Reads the weights; small, and not among what comes with torch.
_WEIGHTS_READER = "safetensors>=0.4"


def offer_torch(package: str) -> bool:
    """Ask whether to install what the worker lacks, and do it.  Returns whether it is worth trying again.

    Args:
        package: ``safetensors`` for that small package alone; anything else for PyTorch and safetensors.

    Raises:
        InputError: if it could not be installed, with what to do.
    """
    only_reader = package == "safetensors"
    if not _is_wanted(only_reader):
        return False
    torch_installer = None if only_reader else _torch_installer()
    try:
        # Without arguments: their names have changed between versions of the extension.
        if torch_installer is not None and torch_installer.installTorch() is None:
            return False
        slicer.util.pip_install(_WEIGHTS_READER)
    except Exception as error:  # pip runs in there: anything can come out, and it must reach the person as a sentence
        name = "safetensors" if only_reader else "PyTorch"
        logging.exception("%s could not be installed", name)
        raise InputError(
            _(
                "{name} could not be installed. Check the network connection and the free disk space; the log says more."
            ).format(name=name)
        ) from error
    return True


def _is_wanted(only_reader: bool) -> bool:
    """The person's answer."""
    if only_reader:
        title = _("Install safetensors")
        question = _(
            "Keypoint Registration reads its neural network with the small Python package safetensors, which is not "
            "installed yet.\n\n"
            "Download and install it now?"
        )
    else:
        title = _("Install PyTorch")
        question = _(
            "Keypoint Registration runs a neural network, which needs the Python packages PyTorch and safetensors. "
            "They are not installed yet.\n\n"
            "Download and install them now? This may take several minutes."
        )
    return slicer.util.confirmOkCancelDisplay(question, windowTitle=title)


def _torch_installer() -> Any:
    """The logic of the PyTorch extension.  Raises InputError without the extension."""
    try:
        import PyTorchUtils  # of the PyTorch extension, which may be absent
    except ImportError as error:
        raise InputError(
            _("PyTorch comes with the extension of that name. Install it in the Extensions Manager, then apply again.")
        ) from error
    return PyTorchUtils.PyTorchUtilsLogic()
