#!/usr/bin/env python3
"""Set everything up once, then run: ``python3 run.py demo`` or ``python3 run.py test [pytest arguments]``.

Needs Python 3.10 or newer and nothing else.  Makes the environment ``.venv`` beside this file, installs the package and what
its tests need into it, and, as root on a Debian system, the libraries that off-screen rendering needs.  What is installed is
left alone until pyproject.toml or this file changes, so a second run starts at once and works offline.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
STAMP = ENVIRONMENT / "installed.txt"

#: The version the shipped model was trained and measured with.
TORCH = "torch==2.13.0"

#: Libraries that VTK and Qt load for drawing off screen.
DEBIAN_PACKAGES = (
    "libegl1", "libgl1", "libgl1-mesa-dri", "libx11-6", "libxcursor1", "libxrender1", "libxext6", "libsm6",
    "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0",
)  # fmt: skip

COMMANDS = {
    "demo": [str(HERE / "Testing" / "demo.py")],
    "test": ["-m", "pytest", "-ra"],
}


def main(words: list[str]) -> int:
    if not words or words[0] not in COMMANDS:
        print(f"usage: python3 run.py {' | '.join(COMMANDS)} [arguments]", file=sys.stderr)
        return 2
    if sys.version_info < (3, 10):  # noqa: UP036  (the script itself must be able to say so)
        print(f"Python 3.10 or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    try:
        set_up()
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"The set-up failed: {error}. The lines above say why; run the command again to go on.", file=sys.stderr)
        return 1
    # Both commands draw off screen, on machines with and without a display.
    drawing = {"QT_QPA_PLATFORM": "offscreen", "VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow"}
    return subprocess.call([python(), *COMMANDS[words[0]], *words[1:]], cwd=HERE, env={**drawing, **os.environ})


def set_up() -> None:
    """Make the environment what pyproject.toml asks for, unless it already is."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted and Path(python()).exists():
        return
    install_debian_packages()
    if not Path(python()).exists():
        say("Making the environment .venv")
        make_environment()
    say("Installing the package and what it needs (some minutes, once)")
    subprocess.check_call([python(), "-m", "pip", "install", "--quiet", "--editable", f"{HERE}[test,train]", TORCH])
    STAMP.write_text(wanted)


def fingerprint() -> str:
    """Changes when something else must be installed."""
    content = (HERE / "pyproject.toml").read_bytes() + Path(__file__).read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def make_environment() -> None:
    try:
        subprocess.check_call([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    except subprocess.CalledProcessError:
        # Debian packages the environment maker apart from Python.
        if not may_install():
            raise
        apt_get("install", "--yes", "--no-install-recommends", "python3-venv")
        subprocess.check_call([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])


def install_debian_packages() -> None:
    """Install the missing libraries where that is possible; elsewhere say which ones are missing."""
    if shutil.which("dpkg-query") is None:
        return
    missing = [name for name in DEBIAN_PACKAGES if not is_installed(name)]
    if not missing:
        return
    if may_install():
        say(f"Installing {', '.join(missing)}")
        apt_get("update")
        apt_get("install", "--yes", "--no-install-recommends", *missing)
    else:
        say(f"Pictures may need libraries that are missing here: sudo apt-get install {' '.join(missing)}")


def is_installed(package: str) -> bool:
    """Whether a Debian package, or one that provides it (newer releases renamed some), is installed."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}\n", package, f"{package}t64"]
    return "installed" in subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()


def may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_get(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.check_call(["apt-get", "-q", *words], env=environment, stdout=subprocess.DEVNULL)


def python() -> str:
    """The environment's interpreter."""
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return str(ENVIRONMENT / folder / name)


def say(sentence: str) -> None:
    print(f"{sentence} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
