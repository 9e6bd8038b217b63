"""Whether another process still runs, and ending this one when it does not.  Standard library only, on every system."""

from __future__ import annotations

import os
import sys
import threading
import time

#: How often the other process is looked for, in seconds.
_PERIOD_S = 2.0


def is_running(pid: int) -> bool:
    """Whether a process with this identifier exists."""
    if sys.platform == "win32":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists, and belongs to somebody else
        return True
    return True


def end_with(pid: int) -> None:
    """From now on, end this process at once when process ``pid`` is gone."""

    def watch() -> None:
        while is_running(pid):
            time.sleep(_PERIOD_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if sys.platform == "win32":

    def _is_running_on_windows(pid: int) -> bool:
        """There ``os.kill`` would end the process instead of asking.  The constants are those of the Windows API."""
        import ctypes

        synchronize, wait_timeout, invalid_parameter = 0x00100000, 0x102, 87
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = kernel.OpenProcess(synchronize, False, pid)
        if not handle:
            return ctypes.get_last_error() != invalid_parameter  # any other reason: it exists, and may not be opened
        try:
            return kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0) == wait_timeout
        finally:
            kernel.CloseHandle(ctypes.c_void_p(handle))
