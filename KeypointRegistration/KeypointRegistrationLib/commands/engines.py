"""Where the runs of a cohort are done: on this computer or on a Dask cluster, each in a process of its own.

A process for each costs the seconds in which torch is loaded.  In exchange nothing that happens to one run, such as running
out of memory or a crash in a library, reaches another.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ..geometry.errors import InputError
from .cohort import Engine, Outcome, Run, RunStatus
from .statuses import UNTRUSTWORTHY

#: What a run said, in the folder of its results.
LOG = "log.txt"

#: How often running processes are looked at, and how long they have to tidy up when they are to stop, in seconds.
_PERIOD_S, _PATIENCE_S = 0.1, 10.0

#: How often a run on a cluster asks whether it is to stop, in seconds.
_HEED_S = 0.5

_MODULE = __package__.split(".", maxsplit=1)[0]
_MODULE_PARENT = Path(__file__).resolve().parents[2]
_THREADS = ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")

Program = tuple[str, ...]


class Signal(Protocol):
    """Something that one waits for: a ``distributed.Event``."""

    def wait(self, timeout: float) -> bool:
        """Whether it has come within so many seconds."""


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say where the runs of a list are done."""
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="of a list, so many at once, each in its own process (default: 1)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="give a list to this Dask scheduler (as tcp://host:8786) instead; its workers must have this package and see "
        "the same files",
    )


def chosen_engine(arguments: argparse.Namespace) -> Engine:
    """The engine that the arguments of ``add_engine_arguments`` ask for.

    Raises:
        InputError: if they make no sense, or Dask is needed and is not there.
    """
    if arguments.jobs < 1:
        raise InputError(f"{arguments.jobs} jobs do nothing. Give --jobs a number of at least 1.")
    return local_processes(arguments.jobs) if arguments.scheduler is None else dask_cluster(arguments.scheduler)


def this_program() -> Program:
    """How this package's command line is started with the running interpreter."""
    return (sys.executable, "-m", _MODULE)


def local_processes(jobs: int, program: Program | None = None) -> Engine:
    """An engine that does ``jobs`` runs at a time on this computer, which share its processor cores.

    ``program`` is this package's command line, unless another is given.
    """
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def engine(runs: Sequence[Run]) -> Iterator[tuple[Run, Outcome]]:
        waiting = deque(runs)
        running: list[tuple[Run, _Attempt]] = []
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    run = waiting.popleft()
                    running.append((run, _Attempt(run, program, threads)))
                ended = [(run, attempt) for run, attempt in running if attempt.has_ended]
                if not ended:
                    time.sleep(_PERIOD_S)
                for entry in ended:
                    running.remove(entry)
                    yield entry[0], entry[1].outcome()
        finally:
            for _, attempt in running:
                attempt.stop()

    return engine


def dask_cluster(address: str, program: Program | None = None) -> Engine:
    """An engine that gives the runs to the workers of the Dask scheduler at ``address`` (as ``tcp://host:8786``).

    The workers must see the same files at the same places and have this package installed.

    Raises:
        InputError: if Dask is not installed or no scheduler answers.
    """
    try:
        from distributed import Client, Event, as_completed
    except ImportError as error:
        raise InputError(
            'Dask is not installed. Install it with: pip install "keypoint-registration[cluster]"; or leave out --scheduler.'
        ) from error

    def engine(runs: Sequence[Run]) -> Iterator[tuple[Run, Outcome]]:
        try:
            client = Client(address, timeout=_PATIENCE_S)
        except (OSError, ValueError) as error:
            raise InputError(f"No Dask scheduler answers at {address}. Check the address.") from error
        with client:
            end = Event(client=client)
            asked = {client.submit(perform, run, end, program, pure=False, retries=0): run for run in runs}
            try:
                for future in as_completed(asked):
                    yield asked[future], _told(future)
            finally:
                end.set()  # cancelling reaches those that wait; the others look at this
                client.cancel(list(asked))

    return engine


def perform(run: Run, end: Signal, program: Program | None = None) -> Outcome:
    """Do one run and wait for its end, or stop it at the signal ``end``.  What goes wrong with it is in the outcome."""
    attempt = _Attempt(run, program)
    try:
        while not attempt.has_ended:
            if end.wait(timeout=_HEED_S):
                attempt.stop()
        return attempt.outcome()
    finally:
        attempt.stop()


class _Attempt:
    """One run in a process of its own.  What it says goes into the log in its folder."""

    def __init__(self, run: Run, program: Program | None, threads: int | None = None) -> None:
        """Begin; ``threads`` it may use, all by default."""
        self._begun = time.perf_counter()
        self._log = run.folder / LOG
        self._process: subprocess.Popen | None = None
        self._problem = run.problem
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
            self._log.write_text(f"{run.problem}\n" if run.problem else "", encoding="utf-8")
            if not run.problem:
                with self._log.open("ab") as log:
                    command = [*(program or this_program()), *run.words]
                    self._process = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(threads)
                    )
        except OSError as error:
            self._problem = f"It could not be begun: {error.strerror or error}."

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def outcome(self) -> Outcome:
        """How it ended, as soon as it has."""
        if self._process is None:
            return self._ended(RunStatus.FAILED, self._problem)
        code = self._process.wait()
        if code == 0:
            return self._ended(RunStatus.DONE, "")
        status = RunStatus.NOT_TRUSTED if code == UNTRUSTWORTHY else RunStatus.FAILED
        return self._ended(status, self._last_words() if code > 0 else _killed(code))

    def stop(self) -> None:
        """End it if it runs, and let it tidy up."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_PATIENCE_S)
        self._process.kill()
        self._process.wait()

    def _ended(self, status: RunStatus, sentence: str) -> Outcome:
        return Outcome(status, sentence, time.perf_counter() - self._begun)

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError as error:
            return f"Its log cannot be read: {error.strerror or error}."
        return next((line.strip() for line in reversed(lines) if line.strip()), "It ended without a word.")


def _told(future: object) -> Outcome:
    """What a future of ``perform`` holds.  Dask's own failures, such as a lost worker, are outcomes like any other."""
    try:
        return future.result()  # type: ignore[attr-defined]
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Outcome(RunStatus.FAILED, f"The cluster could not do it: {reason}.", 0.0)


def _killed(code: int) -> str:
    return f"It was ended from outside (signal {-code}). The computer may have run out of memory: run fewer at a time."


def _environment(threads: int | None) -> dict[str, str]:
    """That of this process, in which this package is found, and a log has its lines in the order in which they were said."""
    found = os.pathsep.join(filter(None, [str(_MODULE_PARENT), os.environ.get("PYTHONPATH")]))
    limits = {} if threads is None else dict.fromkeys(_THREADS, str(threads))
    return {**limits, **os.environ, "PYTHONPATH": found, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
