"""A registration as JSON text: the provenance record in the scene, from which the whole result comes back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ...registration.correction import Correction
from ...registration.plain import correction_from, plain, plain_registration, registration_from
from ...registration.result import Registration

_FORMAT = 2
_NUMBERS = re.compile(r"\[[\s\d.,eE+\-nul]*\]")  # a list of numbers, which reads better on one line


@dataclass(frozen=True, eq=False)
class Record:
    """What the text holds.

    Attributes:
        provenance: what was registered with what: scans, their matrices, options, versions.
        original: the network's answer, without its heatmaps.
        correction: what a person has changed of it.
        registration: the outcome of both.
    """

    provenance: dict[str, Any]
    original: Registration
    correction: Correction
    registration: Registration


def to_text(record: Record) -> str:
    """JSON text of a record.  The outcome is only written where it is not the network's answer."""
    content = {"format": _FORMAT, **plain(record.provenance), "registration": plain_registration(record.original)}
    if record.registration is not record.original:
        content["correction"] = plain(record.correction)
        content["corrected"] = plain_registration(record.registration)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return _NUMBERS.sub(lambda row: " ".join(row.group().split()), text)


def from_text(text: str) -> Record:
    """The record that ``to_text`` wrote.

    Raises:
        ValueError: if the text is not such a record, or one of another format.
    """
    provenance = json.loads(text)
    if not isinstance(provenance, dict) or provenance.pop("format", None) != _FORMAT:
        raise ValueError("the registration record has a format that this version does not know")
    original = registration_from(provenance.pop("registration", {}))
    if "corrected" not in provenance:
        return Record(provenance, original, Correction.none(original), original)
    registration = registration_from(provenance.pop("corrected"))
    return Record(provenance, original, correction_from(provenance.pop("correction", {})), registration)
