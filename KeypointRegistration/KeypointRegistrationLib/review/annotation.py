"""What people say of a registration: a rating, by whom, when, with a comment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from ..geometry.errors import InputError
from ..registration.result import ErrorPrediction, ModelIdentity, Registration, TrustLevel

_Choice = TypeVar("_Choice", bound=Enum)

#: What an annotation has judged, or a registration is, where nobody has corrected it.
NETWORK_ANSWER = "network's answer"

_LONGEST_REVIEWER = 200
_LONGEST_COMMENT = 10_000


class Rating(Enum):
    """The reviewer's verdict.  Not to be confused with the trust verdict, which is computed."""

    ACCEPT = "accept"
    ACCEPTABLE = "acceptable"
    REJECT = "reject"


@dataclass(frozen=True)
class Annotation:
    """What one reviewer said at one time.

    Attributes:
        rating: None where there is only a comment.
        reviewer: name, never empty.
        date: with its time zone, to the second.
        comment: may be empty if there is a rating.
        judged: digest of the correction that the registration had, or ``NETWORK_ANSWER``; empty where that is not known.

    Raises:
        InputError: if it says nothing, or not who said it.
    """

    rating: Rating | None
    reviewer: str
    date: datetime
    comment: str = ""
    judged: str = ""

    def __post_init__(self) -> None:
        if self.date.tzinfo is None:
            raise ValueError("the date of an annotation needs a time zone")
        object.__setattr__(self, "date", self.date.replace(microsecond=0))
        object.__setattr__(self, "reviewer", self.reviewer.strip())
        object.__setattr__(self, "comment", self.comment.strip())
        if not self.reviewer:
            raise InputError("Enter the name of the reviewer: an annotation says whose it is.")
        if len(self.reviewer) > _LONGEST_REVIEWER or len(self.comment) > _LONGEST_COMMENT:
            raise InputError(
                f"The annotation is too long. The reviewer may have {_LONGEST_REVIEWER} characters, "
                f"the comment {_LONGEST_COMMENT}."
            )
        if self.rating is None and not self.comment:
            raise InputError("The annotation is empty. Choose a rating or write a comment.")


@dataclass(frozen=True)
class CorrectionCount:
    """How many keypoint pairs a person has changed."""

    left_out: int = 0
    moved: int = 0
    added: int = 0


@dataclass(frozen=True)
class AnnotatedRegistration:
    """One registration as the lists of annotations show it, rated or not.

    Attributes:
        identifier: of the registration; the same in the scene and in every list.
        fixed, moving: names of the scans, or the files of the worklist.
        model: whose keypoints they are.
        transform_type: of the current alignment.
        trust: the computed verdict.
        fre: root-mean-square residual in mm of the pairs used.
        predicted_tre: in mm.
        corrections: what people have changed.
        correction: digest of everything that people have changed, or ``NETWORK_ANSWER``; empty where that is not known.
        history: all annotations, the earliest first; the last one that rates holds.
    """

    identifier: str
    fixed: str
    moving: str
    model: ModelIdentity
    transform_type: str
    trust: TrustLevel
    fre: float
    predicted_tre: ErrorPrediction
    corrections: CorrectionCount = field(default_factory=CorrectionCount)
    correction: str = ""
    history: tuple[Annotation, ...] = ()

    @classmethod
    def of(
        cls,
        identifier: str,
        scans: tuple[str, str],
        registration: Registration,
        corrections: CorrectionCount,
        history: tuple[Annotation, ...],
        correction: str = "",
    ) -> AnnotatedRegistration:
        """The line of one ``registration`` of the ``scans`` (fixed, moving)."""
        return cls(
            identifier=identifier,
            fixed=scans[0],
            moving=scans[1],
            model=registration.model,
            transform_type=registration.transform_type.value,
            trust=registration.trust.level,
            fre=float(registration.fre),
            predicted_tre=registration.predicted_tre,
            corrections=corrections,
            correction=correction,
            history=history,
        )

    @property
    def rating(self) -> Rating | None:
        """The rating that holds: the latest one, whatever comments came after it."""
        return current_rating(self.history)

    @property
    def corrected(self) -> bool:
        """Whether people have changed anything: pairs, weights, or the kind of alignment."""
        return self.correction != NETWORK_ANSWER if self.correction else self.corrections != CorrectionCount()


def verdict(history: Iterable[Annotation]) -> Annotation | None:
    """The annotation whose rating holds: the latest one with a rating.  None if nobody has rated."""
    rated = [annotation for annotation in history if annotation.rating is not None]
    return rated[-1] if rated else None


def current_rating(history: Iterable[Annotation]) -> Rating | None:
    """The latest rating of a history, None if nobody has rated."""
    holding = verdict(history)
    return None if holding is None else holding.rating


def extended(history: tuple[Annotation, ...], annotation: Annotation) -> tuple[Annotation, ...]:
    """The history with one more entry.  Earlier ones stay; saying the same of the same correction adds nothing."""
    if history and _said(history[-1]) == _said(annotation):
        return history
    return (*history, annotation)


def merged(*histories: Iterable[Annotation]) -> tuple[Annotation, ...]:
    """All entries of several histories of the same registration, each once, the earliest first."""
    unique = dict.fromkeys(annotation for history in histories for annotation in history)
    known = {replace(annotation, judged="") for annotation in unique if annotation.judged}
    return tuple(sorted((each for each in unique if each not in known), key=lambda annotation: annotation.date))


def annotation_entry(annotation: Annotation) -> dict[str, str]:
    """An annotation in JSON's own types."""
    return {
        "rating": annotation.rating.value if annotation.rating else "",
        "reviewer": annotation.reviewer,
        "date": annotation.date.isoformat(),
        "comment": annotation.comment,
        "judged": annotation.judged,
    }


def annotation_from_entry(entry: dict[str, Any]) -> Annotation:
    """What ``annotation_entry`` wrote.

    Raises:
        ValueError: if it is something else.
    """
    try:
        rating = _one_of(Rating, entry["rating"], "rating") if entry["rating"] else None
        reviewer, date, comment = (str(entry[name]) for name in ("reviewer", "date", "comment"))
        return Annotation(rating, reviewer, _date(date), comment, str(entry.get("judged", "")))
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}.") from error


def registration_entry(annotated: AnnotatedRegistration) -> dict[str, Any]:
    """An annotated registration in JSON's own types.  Lengths are mm; a number that does not exist is None (null)."""
    return {
        "identifier": annotated.identifier,
        "fixed": annotated.fixed,
        "moving": annotated.moving,
        "model": {
            "name": annotated.model.name,
            "version": annotated.model.version,
            "sha256": annotated.model.sha256,
        },
        "transform_type": annotated.transform_type,
        "trust": annotated.trust.value,
        "fre_mm": _number_entry(annotated.fre),
        "predicted_tre_mm": {
            name: _number_entry(getattr(annotated.predicted_tre, name)) for name in ("centre", "median", "p95")
        },
        "corrections": {
            "left_out": annotated.corrections.left_out,
            "moved": annotated.corrections.moved,
            "added": annotated.corrections.added,
        },
        "corrected": annotated.corrected,
        "correction": annotated.correction,
        "rating": annotated.rating.value if annotated.rating else "",
        "history": [annotation_entry(annotation) for annotation in annotated.history],
    }


def registration_from_entry(entry: dict[str, Any]) -> AnnotatedRegistration:
    """What ``registration_entry`` wrote.

    Raises:
        ValueError: if it is something else.
    """
    try:
        return AnnotatedRegistration(
            identifier=str(entry["identifier"]),
            fixed=str(entry["fixed"]),
            moving=str(entry["moving"]),
            model=ModelIdentity(*(str(entry["model"][name]) for name in ("name", "version", "sha256"))),
            transform_type=str(entry["transform_type"]),
            trust=_one_of(TrustLevel, entry["trust"], "trust"),
            fre=_number(entry["fre_mm"]),
            predicted_tre=ErrorPrediction(
                *(_number(entry["predicted_tre_mm"][name]) for name in ("centre", "median", "p95"))
            ),
            corrections=CorrectionCount(*(int(entry["corrections"][name]) for name in ("left_out", "moved", "added"))),
            correction=str(entry.get("correction", "")),
            history=tuple(annotation_from_entry(line) for line in entry["history"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}.") from error


def _said(annotation: Annotation) -> tuple[Rating | None, str, str, str]:
    return annotation.rating, annotation.reviewer, annotation.comment, annotation.judged


def _one_of(kind: type[_Choice], text: object, what: str) -> _Choice:
    try:
        return kind(text)
    except ValueError as error:
        choices = ", ".join(str(member.value) for member in kind)
        raise ValueError(f"the {what} is “{text}”, not one of: {choices}.") from error


def _date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text.replace("Z", "+00:00"))  # "Z" is understood from Python 3.11 on
    except ValueError as error:
        raise ValueError(f"the date “{text}” is not of the kind 2026-01-31T12:00:00+00:00.") from error
    return date if date.tzinfo else date.astimezone()


def _number_entry(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
