"""What people say of a registration, kept with its record: it is saved, loaded and removed together with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

import slicer

from ...geometry.errors import InputError
from ...registration.correction import Correction, PairChoice
from ...registration.plain import plain
from ...registration.result import ModelIdentity
from ...review.annotation import (
    NETWORK_ANSWER,
    AnnotatedRegistration,
    Annotation,
    CorrectionCount,
    annotation_entry,
    annotation_from_entry,
    extended,
    merged,
    verdict,
)
from ..results.handle import SceneRegistration, find_registrations

#: Attribute of the record node with the history of its annotations as JSON.
ANNOTATIONS = "KeypointRegistration.Annotations"

_DIGEST_LENGTH = 12  # hexadecimal digits: enough to tell the corrections of one registration apart


def annotations_of(result: SceneRegistration) -> tuple[Annotation, ...]:
    """Everything that was said of a registration, the earliest first.

    Raises:
        InputError: if it cannot be read.
    """
    text = result.record.GetAttribute(ANNOTATIONS) if result.record is not None else None
    try:
        return tuple(annotation_from_entry(entry) for entry in json.loads(text)) if text else ()
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The annotations of {pair_title(result)} cannot be read: they are damaged or of a later version. They stay "
            "as they are in the scene. Register the pair again to annotate it."
        ) from error


def annotate(result: SceneRegistration, annotation: Annotation) -> None:
    """Add what somebody says of the registration, as it is corrected now, to the history.

    Raises:
        InputError: if the registration is no longer in the scene, or its annotations cannot be read.
    """
    set_annotations(result, extended(annotations_of(result), replace(annotation, judged=correction_state(result))))


def is_outdated(result: SceneRegistration, annotation: Annotation) -> bool:
    """Whether somebody has corrected the registration after the annotation was made.  False where that is not known."""
    return annotation.judged not in ("", correction_state(result))


def is_rating_outdated(result: SceneRegistration) -> bool:
    """Whether the rating that holds was given before the last correction.

    Raises:
        InputError: if the annotations cannot be read.
    """
    holding = verdict(annotations_of(result))
    return holding is not None and is_outdated(result, holding)


def annotated(result: SceneRegistration) -> AnnotatedRegistration:
    """The registration as lists of annotations show it: as it is now, with the person's corrections.

    Raises:
        InputError: if its annotations cannot be read.
    """
    count = correction_count(result.correction, len(result.original.status))
    return AnnotatedRegistration.of(
        result.identifier,
        scan_names(result),
        result.registration,
        count,
        annotations_of(result),
        correction_state(result),
    )


def annotated_registrations(scene: slicer.vtkMRMLScene) -> tuple[AnnotatedRegistration, ...]:
    """All registrations of the scene, annotated or not.

    Raises:
        InputError: if the annotations of one cannot be read.
    """
    return tuple(annotated(result) for result in find_registrations(scene))


def adopt_annotations(scene: slicer.vtkMRMLScene, listed: Iterable[AnnotatedRegistration]) -> set[str]:
    """Add what a list says to the registrations of the scene that it is about; nothing that is there is lost.

    Returns:
        The identifiers of the registrations that the list is about.

    Raises:
        InputError: if the list is of another model or version than a registration that it is about.  Nothing is changed.
    """
    present = {result.identifier: result for result in find_registrations(scene)}
    about = [(present[entry.identifier], entry) for entry in listed if entry.identifier in present]
    for result, entry in about:
        check_model(entry, result.original.model, pair_title(result))
    histories = [(result, merged(annotations_of(result), entry.history)) for result, entry in about]
    for result, history in histories:
        set_annotations(result, history)
    return {result.identifier for result, _ in about}


def check_model(listed: AnnotatedRegistration, model: ModelIdentity, title: str) -> None:
    """Whether a list may be about a registration with ``model``, called ``title``.

    Raises:
        InputError: if it is about another model or version.
    """
    if (listed.model.name, listed.model.version) != (model.name, model.version):
        raise InputError(
            f"The list is about {listed.model.name} {listed.model.version}, but {title} was registered with "
            f"{model.name} {model.version}. Choose the list that was exported for it."
        )


def correction_count(correction: Correction, network_keypoints: int) -> CorrectionCount:
    """How many pairs a person has changed.  Pairs that the person has added count as added only."""
    moved = {*correction.fixed_positions, *correction.moving_positions}
    left_out = [k for k, choice in correction.choices.items() if choice is PairChoice.LEAVE_OUT]
    return CorrectionCount(len(left_out), len([k for k in moved if k < network_keypoints]), len(correction.added))


def correction_state(result: SceneRegistration) -> str:
    """What tells this state of a registration from those before and after a correction.

    Names of added pairs do not count.  A correction that is undone gives the earlier state again.

    Returns:
        A digest of the correction, or ``NETWORK_ANSWER`` where nothing is corrected.
    """
    correction = result.correction
    if correction == Correction.none(result.original):
        return NETWORK_ANSWER
    nameless = replace(correction, added=tuple(replace(pair, label="") for pair in correction.added))
    text = json.dumps(plain(nameless), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def scan_names(result: SceneRegistration) -> tuple[str, str]:
    """Names of the fixed and the moving scan, now or, where one is gone, as they were registered."""
    nodes = {"fixed": result.fixed_volume, "moving": result.moving_volume}
    names = {side: result.provenance[side]["name"] if node is None else node.GetName() for side, node in nodes.items()}
    return names["fixed"], names["moving"]


def pair_title(result: SceneRegistration) -> str:
    """Which scan was aligned to which, for people."""
    fixed, moving = scan_names(result)
    return f"{moving} → {fixed}"


def set_annotations(result: SceneRegistration, history: tuple[Annotation, ...]) -> None:
    """Replace everything that was said of a registration.

    Raises:
        InputError: if the registration is no longer in the scene.
    """
    if result.record is None:
        raise InputError(f"{pair_title(result)} is no longer in the scene. Its annotation was not kept.")
    text = json.dumps([annotation_entry(annotation) for annotation in history], ensure_ascii=False)
    if text != result.record.GetAttribute(ANNOTATIONS):
        result.record.SetAttribute(ANNOTATIONS, text)
