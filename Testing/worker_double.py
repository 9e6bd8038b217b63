"""Stands in for the worker process in tests of the panel: ``python worker_double.py BEHAVIOUR RESULT PARENT INBOX``.

It speaks the real protocol.  Its result is the archive RESULT, made beforehand, so that neither torch nor a model is needed.
"""

from __future__ import annotations

import shutil
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "KeypointRegistration"))

from KeypointRegistrationLib.registration.tracking import tracker
from KeypointRegistrationLib.worker.inbox import Inbox
from KeypointRegistrationLib.worker.protocol import (
    Done,
    Event,
    Failed,
    FailureKind,
    FrameTracked,
    Progress,
    Request,
    TrackRequest,
    encode,
    read_request,
)
from KeypointRegistrationLib.worker.tracking import track
from tracker_double import tracker_double


def say(event: Event) -> None:
    print(encode(event), flush=True)


def finish(request: Request, result: str) -> None:
    """Hand out the prepared result, if the request names two archives that are there."""
    for path in (request.fixed, request.moving):
        assert zipfile.is_zipfile(path), path
    say(Progress(0.5, "Finding keypoints"))
    shutil.copyfile(result, request.result)
    say(Done(request.result))


def wait_for_end() -> None:
    """Work until killed, or until the panel's side of standard input is gone."""
    say(Progress(0.25, "Finding keypoints"))
    sys.stdin.read()


def main(behaviour: str, result: str, _parent: str, inbox: str) -> int:
    requests = Inbox(Path(inbox))
    while True:
        path = requests.take()
        if path is None:
            time.sleep(0.01)
            continue
        request = read_request(path)
        path.unlink()
        status = serve_track(behaviour, request) if isinstance(request, TrackRequest) else serve(behaviour, result, request)
        if status:
            return status


def serve_track(behaviour: str, request: TrackRequest) -> int:
    """Finish, or hang once the first frame is known and told."""
    frames = 0

    def hear(event: Event) -> None:
        nonlocal frames
        say(event)
        frames += isinstance(event, FrameTracked)
        if behaviour == "hangs" and frames and isinstance(event, Progress):
            wait_for_end()

    tracker.Tracker = tracker_double()
    say(Progress(0.0, "Loading"))
    if behaviour not in ("finishes", "hangs"):
        raise ValueError(behaviour)
    track(request, lambda _model, _device: SimpleNamespace(device="cpu"), hear)
    say(Done(request.result))
    return 0


def serve(behaviour: str, result: str, request: Request) -> int:
    say(Progress(0.0, "Loading"))
    if behaviour == "finishes":
        finish(request, result)
    elif behaviour == "hangs":
        wait_for_end()
    elif behaviour == "dies":
        return 7
    elif behaviour == "refuses":
        say(Failed(FailureKind.INPUT, "head is a single slice. Choose a 3-D volume."))
    elif behaviour.startswith("needs-"):
        package, _, path = behaviour.removeprefix("needs-").partition("=")
        if Path(path).exists():
            finish(request, result)
        else:
            name = {"torch": "PyTorch, which runs the network,"}.get(package, package)
            message = f"{name} is not installed or does not start."
            say(Failed(FailureKind.TORCH_MISSING, message, package=package))
    else:
        raise ValueError(behaviour)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
