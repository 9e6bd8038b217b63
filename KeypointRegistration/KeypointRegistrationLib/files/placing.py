"""The results of a run, put into their folder together: all of them, or none."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..geometry.errors import InputError

_UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class ResultSet:
    """What a command leaves in its folder.

    Attributes:
        names: of files and folders, in the order in which they are put in place.  The last vouches for the others.
        folders: those of ``names`` that are folders, each with the pattern that the names of all files in it have.
    """

    names: tuple[str, ...]
    folders: dict[str, str] = field(default_factory=dict)

    def check_folder(self, folder: str | Path, inputs: Iterable[Path] = ()) -> None:
        """See whether results can be written into ``folder``, and change nothing: better known before the work than after.

        Raises:
            InputError: if it is not a folder, nothing can be written there, a result's name is taken by something else, or a
                result would replace one of the ``inputs``.
        """
        folder = Path(folder)
        try:
            if folder.exists() and not folder.is_dir():
                raise InputError(f"{folder} is a file, not a folder. Give another output folder.")
            for name in self.names:
                self._check_name(folder, name)
            results = {(folder / name).resolve() for name in self.names}
            for endangered in (path for path in inputs if not results.isdisjoint({path.resolve(), *path.resolve().parents})):
                raise InputError(f"{endangered} is an input that the results would replace. Give another output folder.")
            nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
            with tempfile.TemporaryFile(dir=nearest):
                return
        except OSError as error:
            raise InputError(refusal(folder, error)) from error

    def earlier(self, folder: str | Path) -> list[str]:
        """Which results of an earlier run in ``folder`` would be replaced or removed."""
        return [name for name in self.names if (Path(folder) / name).exists()]

    @contextmanager
    def written_into(self, folder: str | Path) -> Iterator[Path]:
        """A folder aside to write the results into.  Once all are whole they replace those of an earlier run.

        What a run that was killed meanwhile has left aside, which may be large, is taken away first.

        Raises:
            InputError: if the folder cannot be written to or the disk is full.  What was in the folder is then as it was; if
                the disk refuses even that, the sentence says where it is.
        """
        folder = Path(folder)
        self.check_folder(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._tidy(folder)
            aside = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
            try:
                yield aside
                self._put_in_place(aside, folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        except OSError as error:
            raise InputError(refusal(folder, error)) from error

    def _tidy(self, folder: Path) -> None:
        """Remove folders aside of earlier runs.  Those with anything else in them than these results are somebody's own."""
        for leftover in folder.glob(f"{_UNFINISHED}*"):
            if leftover.is_dir() and {path.name for path in leftover.iterdir()} <= set(self.names):
                shutil.rmtree(leftover, ignore_errors=True)

    def _check_name(self, folder: Path, name: str) -> None:
        path = (folder / name).resolve()
        if name not in self.folders:
            if path.is_dir():
                raise InputError(f"{path} is a folder where a result would be written. Give another output folder.")
        elif path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file where a folder of results would be. Give another output folder.")
        elif path.is_dir() and set(path.iterdir()) != set(path.glob(self.folders[name])):
            raise InputError(f"{path} holds other files too, which the results would replace. Give another output folder.")

    def _put_in_place(self, aside: Path, folder: Path) -> None:
        """Replace all results of an earlier run, or none.  The last goes first and comes last: it vouches for the others.

        Raises:
            OSError: if one cannot be moved, as where another program holds it open.  All are then back.
            InputError: if they could not be put back either.  It says where they are.
        """
        earlier, placed = Path(tempfile.mkdtemp(prefix=".earlier-", dir=folder)), []
        try:
            for name in reversed(self.names):
                _move(name, folder, earlier)
            for name in self.names:
                if _move(name, aside, folder):
                    placed.append(name)
        except OSError as error:
            try:
                for name in reversed(placed):
                    _remove(folder / name)
                for name in self.names:
                    _move(name, earlier, folder)
            except OSError:
                raise InputError(
                    f"{refusal(folder, error)} What was there before could not be put back either: it is in {earlier}."
                ) from error
            shutil.rmtree(earlier, ignore_errors=True)
            raise
        shutil.rmtree(earlier, ignore_errors=True)


def refusal(folder: Path, error: OSError) -> str:
    """Why a folder does not take results, as a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"There is not enough space to write the results into {folder}. Free some, or give another output folder."
    return f"The results cannot be written into {folder}: {error.strerror or error}. Give another output folder."


def _move(name: str, source: Path, target: Path) -> bool:
    """Move a file or folder from one folder to another, where there is such a one.  Returns whether there was."""
    found = (source / name).exists()
    if found:
        (source / name).replace(target / name)
    return found


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
