"""The command line: ``python -m KeypointRegistrationLib COMMAND …``.

Exit status: 0 on success, 2 on input that cannot be used, 3 when no trustworthy alignment was found, 1 on a fault of the
program itself, 130 when interrupted.  Messages go to standard error, one sentence each.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from . import __version__
from .geometry.errors import InputError

#: Command → the module with its ``add_arguments`` and ``run``, and what it does.  Only the command that is asked for is
#: imported: ``models list`` needs no torch.
_COMMANDS = {
    "register": (".commands.register", "align a moving scan to a fixed scan"),
    "track": (".commands.track", "follow the motion of a head through a time series"),
    "batch": (".commands.batch", "align many pairs of scans, one folder of results for each"),
    "models": (".commands.models", "list, show or verify the bundled models"),
    "benchmark": (".evaluation.benchmark", "measure accuracy and speed against other programs"),
    "inspect-model": (".evaluation.inspect_model", "measure what a model's keypoints are worth on real scans"),
    "inspect-cropping": (".evaluation.inspect_cropping", "measure what a model makes of scans of a part of the head"),
    "inspect-finder": (".evaluation.inspect_finder", "measure whether heads are found in scans of whole wombs"),
    "equivariance": (".evaluation.equivariance", "measure how well networks follow a turned head, and what they cost"),
    "ablation": (".evaluation.ablation", "train with and without the spatial losses, and measure what each is worth"),
    "ablation-scans": (".evaluation.ablation_scans", "measure the models of an ablation on the scans of a benchmark"),
    "loss-pictures": (".evaluation.loss_pictures", "draw what each spatial loss does to probability maps"),
    "train": (".training.command", "train a model from label maps or scans"),
    "plot-training": (".training.plot", "draw the curves of a training"),
}

_DEBUG = "KEYPOINT_REGISTRATION_DEBUG"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without the degree sign is no reason to fail
    try:
        with _tidy_end():
            return _run(words)
    except InputError as error:
        return _say(str(error), 2)
    except MemoryError:
        return _say("There is not enough memory for this. Close other programs, or give smaller scans.", 2)
    except KeyboardInterrupt:
        return _say("Stopped.", 130)
    except _Terminated:
        return _say("Stopped from outside.", 128 + signal.SIGTERM)
    except BrokenPipeError:
        # The reader of our output has gone (``… | head``); a flush at exit must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImportError as error:
        return _say(f"The Python package {error.name} is missing: {error}. Install the package with its extras.", 1)
    except Exception as error:  # the border of the program: a person gets a sentence, whatever happened
        if os.environ.get(_DEBUG):
            traceback.print_exc()
        reason = " ".join(str(error).split()) or type(error).__name__
        return _say(f"This should not have happened: {reason}. Set {_DEBUG}=1 for details, and please report it.", 1)


class _Terminated(BaseException):
    """The system asks this process to end."""


@contextmanager
def _tidy_end() -> Iterator[None]:
    """Turn the request to end into an exception, so that nothing half-written is left behind."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="keypoint-registration",
        description="Align 3-D medical scans by keypoints that a network finds in both. Not for clinical use.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, (path, purpose) in _COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
        if name == asked:
            importlib.import_module(path, __package__).add_arguments(command)
    try:
        parsed = parser.parse_args(words)
    except SystemExit as stop:  # argparse has said what is wrong, or has helped
        return int(stop.code or 0)
    path, _ = _COMMANDS[parsed.command]
    return importlib.import_module(path, __package__).run(parsed)


def _say(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
