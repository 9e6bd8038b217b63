"""The real worker process: when it ends, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.worker.client import python_executable, worker_command
from KeypointRegistrationLib.worker.lifetime import is_running
from KeypointRegistrationLib.worker.protocol import Done, Failed
from worker_scripts import ask, listen, script, wait_until


def test_the_real_worker_turns_a_missing_file_into_one_failure_with_a_sentence(client_of: Callable) -> None:
    client = client_of(worker_command())
    ask(client)
    *_, failure = listen(client)
    assert isinstance(failure, Failed)
    assert "Traceback" not in failure.message and "Traceback" in failure.details


def test_the_real_worker_ends_when_its_input_is_closed(client_of: Callable) -> None:
    client = client_of(worker_command())
    client.prepare()
    client.process._process.stdin.close()
    wait_until(lambda: client.process.exit_code == 1, "its end")


def test_the_worker_ends_when_the_process_that_asked_is_gone_though_its_input_stays_open(client_of: Callable) -> None:
    asker = subprocess.Popen(script("import sys; sys.stdin.read()"), stdin=subprocess.PIPE)
    assert is_running(asker.pid)
    client = client_of(script(f"import KeypointRegistrationLib.worker.__main__ as w; w.main(['{asker.pid}', '.'])"))
    client.prepare()
    asker.communicate()
    assert not is_running(asker.pid)
    wait_until(lambda: client.process.exit_code == 1, "its end")


def test_the_worker_is_told_which_process_asks_and_where(client_of: Callable) -> None:
    client = client_of(script("import os, sys; print(sys.argv[1], os.listdir(sys.argv[2]), file=sys.stderr)"))
    client.prepare()
    wait_until(lambda: client.process.exit_code is not None, "its end")
    assert client.process.log_tail() == f"{os.getpid()} []\n"


def test_prints_of_libraries_do_not_disturb_the_events(client_of: Callable) -> None:
    prints = (
        "import os, KeypointRegistrationLib.worker.__main__ as w\n"
        "from KeypointRegistrationLib.worker.protocol import Done\n"
        "send = w._claim_standard_output(); print('noise'); os.write(1, b'more noise\\n'); send(Done('r'))"
    )
    client = client_of(script(prints))
    ask(client)
    assert listen(client) == [Done("r")]
    assert "more noise" in client.process.log_tail()


def test_slicers_interpreter_is_preferred_and_the_application_itself_never_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python_executable() == sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "SlicerApp-real"))
    with pytest.raises(InputError, match="PythonSlicer"):
        python_executable()
    launcher = tmp_path / "PythonSlicer"
    launcher.touch(0o755)
    assert python_executable() == str(launcher)
