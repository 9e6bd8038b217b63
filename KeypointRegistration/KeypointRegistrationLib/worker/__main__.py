"""The worker process: ``python -m KeypointRegistrationLib.worker PARENT INBOX``.

Serves the requests in the folder INBOX, one after the other, and tells about them in JSON lines on standard output
(``protocol``).  It ends when nobody has asked for anything for long, when standard input is closed, and when the process
PARENT is gone: it must not outlive a crashed Slicer.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from .inbox import Inbox
from .lifetime import end_with
from .protocol import IDLE_EXIT, Event, encode
from .service import Send, Service

#: How long to wait for the next request, in seconds: what is kept for it takes memory meanwhile.
_PATIENCE_S = 600.0

#: How often the inbox is looked into, in seconds.
_PERIOD_S = 0.05


def main(arguments: list[str] | None = None) -> int:
    """Serve until nobody asks any more.  The arguments are the identifier of the process that asks, and the inbox."""
    parent, inbox = sys.argv[1:] if arguments is None else arguments
    send = _claim_standard_output()
    _end_with_standard_input()
    end_with(int(parent))  # behind a launcher, standard input may stay open
    return serve_all(Inbox(Path(inbox)), send, _PATIENCE_S)


def serve_all(inbox: Inbox, send: Send, patience: float) -> int:
    """Serve each request; return the exit status when none has come for ``patience`` seconds."""
    service = Service(send)
    asked = time.monotonic()
    while time.monotonic() < asked + patience:
        request = inbox.take()
        if request is None:
            time.sleep(_PERIOD_S)
        else:
            service.serve(request)
            asked = time.monotonic()
    return IDLE_EXIT


def _claim_standard_output() -> Send:
    """Keep standard output for events alone: whatever libraries print goes to standard error, which is the log."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(event: Event) -> None:
        events.write(encode(event) + "\n")
        events.flush()

    return send


def _end_with_standard_input() -> None:
    """End this process when the other side of standard input is gone."""
    descriptor = sys.stdin.fileno()  # read without Python's buffer: a thread waiting in that would disturb a regular end

    def watch() -> None:
        while os.read(descriptor, 1 << 10):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
