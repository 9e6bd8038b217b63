"""The worker process: ``python -m KeypointRegistrationLib.worker PARENT``.

Serves the request files that standard input names, one after the other, and tells about them in JSON lines on standard
output (``protocol``).  It ends when nobody has asked for anything for long, when standard input is closed, and when the
process ``PARENT`` is gone: it must not outlive a crashed Slicer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from .lifetime import end_with
from .protocol import IDLE_EXIT, Event, encode
from .service import Send, Service

#: How long to wait for the next request, in seconds: what is kept for it takes memory meanwhile.
_PATIENCE_S = 600.0


def main(arguments: list[str] | None = None) -> int:
    """Serve until nobody asks any more.  The only argument is the identifier of the process that asks."""
    (parent,) = sys.argv[1:] if arguments is None else arguments
    send = _claim_standard_output()
    requests = _listen()
    end_with(int(parent))  # behind a launcher, standard input alone may stay open
    return serve_all(requests, send, _PATIENCE_S)


def serve_all(requests: SimpleQueue[Path], send: Send, patience: float) -> int:
    """Serve each request; return the exit status when none has come for ``patience`` seconds."""
    service = Service(send)
    while True:
        try:
            request = requests.get(timeout=patience)
        except Empty:
            return IDLE_EXIT
        service.serve(request)


def _claim_standard_output() -> Send:
    """Keep standard output for events alone: whatever libraries print goes to standard error, which is the log."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(event: Event) -> None:
        events.write(encode(event) + "\n")
        events.flush()

    return send


def _listen() -> SimpleQueue[Path]:
    """The requests that come in on standard input.  Ends this process when its other side is gone."""
    requests: SimpleQueue[Path] = SimpleQueue()
    descriptor = sys.stdin.fileno()  # read without Python's buffer: a thread waiting in that would disturb a regular end

    def read() -> None:
        rest = b""
        while added := os.read(descriptor, 1 << 16):
            *lines, rest = (rest + added).split(b"\n")
            for line in lines:
                requests.put(Path(json.loads(line)))
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return requests


if __name__ == "__main__":
    sys.exit(main())
