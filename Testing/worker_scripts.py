"""Doubles of the worker process as one-line scripts, and how a test speaks with them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from KeypointRegistrationLib.worker.client import WorkerClient
from KeypointRegistrationLib.worker.protocol import Event, Request

REQUEST = Request(fixed="fixed.npz", moving="moving.npz", result="result.npz", model="brain-affine", transform="rigid")
PATIENCE_S = 60.0


def script(text: str) -> list[str]:
    """A worker double: a Python process that runs ``text`` with the asking process as its argument."""
    return [sys.executable, "-c", text]


def ask(client: WorkerClient) -> Path:
    """Hand over a request; returns its folder."""
    folder = client.prepare()
    client.start(REQUEST)
    return folder


def listen(client: WorkerClient, until: type = object) -> list[Event]:
    """All events until the first of kind ``until``, or until the request has ended."""
    events: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while client.is_active and not any(type(event) is until for event in events):
        assert time.monotonic() < deadline, f"nothing more came after {events}"
        events += client.poll()
    return events


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


#: How the doubles wait for a request.
TAKES = """
import os, sys, time
inbox = sys.argv[2]
def take():
    while not (names := sorted(name for name in os.listdir(inbox) if name.endswith(".json"))):
        time.sleep(0.005)
    os.remove(os.path.join(inbox, names[0]))
"""
#: Serves every request, and says the process that does.
SERVES = (
    TAKES
    + """
while True:
    take()
    print('{"event": "progress", "fraction": 0.5, "stage": "%d"}' % os.getpid(), flush=True)
    print('{"event": "done", "result": "result.npz"}', flush=True)
"""
)
HANGS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print('{"event": "progress", "fraction": 0.1, "stage": "%d"}' % child.pid, flush=True)
child.wait()
"""
STAMMERS = (
    TAKES
    + """
take()
print('{"event": "do', end="", flush=True)
sys.stdin.read(1)
print('ne", "result": "r"}', flush=True)
sys.stdin.read()
"""
)
FAILS = (
    TAKES
    + """
while True:
    take()
    print('{"event": "failed", "kind": "KIND", "message": "No."}', flush=True)
"""
)
#: Serves one request, and ends as an idle worker does, once it is told to.
TIRES = (
    TAKES
    + """
take()
print('{"event": "done", "result": "result.npz"}', flush=True)
sys.stdin.read(1)
"""
)
