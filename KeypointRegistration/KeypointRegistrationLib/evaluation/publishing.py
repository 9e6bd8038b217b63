"""What the measuring commands share: where scans come from, and how a table gets into a folder and a document."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..geometry.errors import InputError
from .tables import put_into

_REPOSITORY = Path(__file__).resolve().parents[3]
_DATA = _REPOSITORY.parent / "shared" / "data"  # where developers keep the scans, which are not part of the repository
_DOCUMENT = _REPOSITORY / "docs" / "benchmarks.md"


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """``--data DIR``."""
    parser.add_argument(
        "--data",
        type=Path,
        default=_DATA if _DATA.is_dir() else None,
        metavar="DIR",
        help="folder of the scans (default: ../shared/data beside the repository, where that exists)",
    )


def add_models_folder_argument(parser: argparse.ArgumentParser) -> None:
    """``--models-folder DIR``."""
    parser.add_argument("--models-folder", type=Path, metavar="DIR", help="of the models (default: the bundled ones)")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """``--output DIR`` and ``--document [FILE]``."""
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for what is measured")
    parser.add_argument(
        "--document",
        type=Path,
        nargs="?",
        const=_DOCUMENT,
        metavar="FILE",
        help="also put the table into a document, between its markers (default: docs/benchmarks.md)",
    )


def data_folder(arguments: argparse.Namespace) -> Path:
    """The folder of the scans; InputError if it was not given, or is none."""
    if arguments.data is None:
        raise InputError("Give the folder of the scans with --data. docs/benchmarks.md says which scans are measured.")
    if not arguments.data.is_dir():
        raise InputError(f"There is no folder {arguments.data} with the scans. Give it with --data.")
    return arguments.data


def output_folder(arguments: argparse.Namespace) -> Path:
    """The folder for what is measured, made where it is not there; InputError if it cannot be."""
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{arguments.output} cannot be used for the results: {error.strerror}.") from error
    return arguments.output


def publish(arguments: argparse.Namespace, name: str, table: str) -> None:
    """Write a table into the output folder, print it, and put it into the document if one was asked for.

    Raises:
        InputError: if the document does not exist or has no place for the table.
    """
    (arguments.output / f"{name}.md").write_text(table + "\n", encoding="utf-8")
    print(table)
    if arguments.document is not None:
        put_into(arguments.document, name, table)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
