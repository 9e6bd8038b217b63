"""The checkpoint of a training: written so that whatever happens the previous one is left, and read with care."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..geometry.errors import InputError

CHECKPOINT = "checkpoint.pt"

_PART = "checkpoint.part"
_KEYS = {"step", "network", "model", "average", "optimizer", "random"}
_OF_NO_CONSEQUENCE = {"name", "version", "card", "schedule.report_every", "schedule.validate_every"}


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write ``state`` as the folder's checkpoint, in the place of the previous one once it is complete.

    Raises:
        InputError: if it cannot be written, for example to a full disk; the previous one is intact then.
    """
    content = io.BytesIO()
    torch.save(state, content)
    part = folder / _PART
    try:
        part.write_bytes(content.getbuffer())
        part.replace(folder / CHECKPOINT)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(
            f"The checkpoint of step {state['step']} cannot be written to {folder}: {error.strerror}. What was there is "
            "intact. Make room, and go on with --resume."
        ) from error


def read_checkpoint(folder: Path, device: torch.device) -> dict[str, Any]:
    """The state in the folder's checkpoint, its tensors on ``device``.

    Raises:
        InputError: if there is none, or it is damaged.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise InputError(f"There is no checkpoint to resume from in {folder}.")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise InputError(f"The checkpoint {path} is damaged ({reason}). Begin again in another --output.") from error
    if not isinstance(state, dict) or not state.keys() >= _KEYS:
        raise InputError(f"{path} is not the checkpoint of a training. Choose another --output.")
    return state


def check_network(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise InputError unless the network that the checkpoint in ``folder`` is of is the ``wanted`` one."""
    if found != wanted:
        raise InputError(
            f"The checkpoint in {folder} is of another network: {_parts(found)}. The configuration asks for "
            f"{_parts(wanted)}. Choose another output folder."
        )


def differences(earlier: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Settings that differ between two configurations (as trees) and matter to what is learned, as 'seed: 1, then 2'."""
    before, after = dict(_settings(earlier)), dict(_settings(now))
    return [
        f"{key}: {_told(before.get(key))}, then {_told(value)}"
        for key, value in after.items()
        if before.get(key) != value and not {key, key.split(".")[0]} & _OF_NO_CONSEQUENCE
    ]


def _settings(tree: dict[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{where}{key}.")
        else:
            yield where + key, list(value) if isinstance(value, tuple) else value


def _parts(network: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in network.items())


def _told(value: Any) -> str:
    return "unset" if value is None else str(value)
