"""Names of keypoints, kept in the scene by model and index and shown as labels of the point lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import slicer

from ...geometry.errors import InputError
from ...registration.result import ModelIdentity, Registration
from ...review.names import KeypointNames
from ..nodes import add_hidden_text
from ..results.handle import SceneRegistration, find_registrations

#: Attribute of the text node that holds the names of a model's keypoints; its value is the model.
NAMES = "KeypointRegistration.Names"

_FORMAT = 1


def keypoint_names(scene: slicer.vtkMRMLScene, model: ModelIdentity, default_labels: Sequence[str]) -> tuple[str, ...]:
    """What to call the keypoints of a registration, as many as ``default_labels``.

    A keypoint that nobody has named has its default label; so have those that a person has added to the model's.
    """
    known = _stored(scene, model.name, default_labels)
    return tuple(default_labels) if known is None else (*known.names, *default_labels[len(known.names) :])


def shown_names(result: SceneRegistration) -> tuple[str, ...]:
    """What to call all keypoints of a registration as it is now, those that a person has added among them."""
    return keypoint_names(result.scene, result.original.model, result.registration.fixed_keypoints.labels)


def named(scene: slicer.vtkMRMLScene, registration: Registration) -> Registration:
    """The registration with the names of its keypoints as their labels, for people to read."""
    names = keypoint_names(scene, registration.model, registration.fixed_keypoints.labels)
    return replace(
        registration,
        fixed_keypoints=replace(registration.fixed_keypoints, labels=names),
        moving_keypoints=replace(registration.moving_keypoints, labels=names),
    )


def names_of(result: SceneRegistration) -> KeypointNames:
    """The names of the network's keypoints of a registration."""
    model, labels = result.original.model, result.original.fixed_keypoints.labels
    known = _stored(result.scene, model.name, labels)
    return KeypointNames.of_model(model.name, model.version, labels) if known is None else known


def set_names(scene: slicer.vtkMRMLScene, names: KeypointNames) -> None:
    """Keep the names, and show them in the point lists of all registrations with this model.

    A label that a person has written into a list, and that has not become a name, stays.
    """
    before = _stored(scene, names.model, names.labels)
    node = _node(scene, names.model, names.labels)
    if node is None:
        node = add_hidden_text(scene, f"{names.model} keypoint names")
        node.SetAttribute(NAMES, names.model)
    node.SetText(_to_text(names))
    for result in find_registrations(scene):
        if result.original.model.name == names.model and result.original.fixed_keypoints.labels == names.labels:
            _label(result, names, replaced=before or names)


def show_names(result: SceneRegistration) -> None:
    """Label the point lists of a registration.  A name that a person has written into a list instead is taken up.

    That is so for keypoints that have no name yet.  Where there is one, the list keeps what was written into it.
    """
    names = names_of(result)
    for node in _lists(result, names):
        for k, label in enumerate(_labels(node, len(names.labels))):
            if label != names.labels[k] and names.names[k] == names.labels[k]:
                names = _renamed_if_possible(names, k, label)
    if names != names_of(result):
        set_names(result.scene, names)
    else:
        _label(result, names, replaced=names)


def rename(result: SceneRegistration, keypoint: int, name: str) -> None:
    """Give a keypoint of the network a name, in all registrations with its model; an empty name gives its label back.

    Raises:
        InputError: if the name cannot be used.
    """
    set_names(result.scene, names_of(result).renamed(keypoint, name))


class NameObserver:
    """Takes up what a person writes into a point list of one registration, as in the Markups module."""

    def __init__(self, result: SceneRegistration, taken_up: Callable[[str], None]) -> None:
        """``taken_up`` is called after a label was edited, with a sentence if it could not become a name, or empty."""
        self._result, self._taken_up = result, taken_up
        self._observed: list[tuple[slicer.vtkMRMLMarkupsNode, int]] = []
        self._known: dict[str, list[str]] = {}
        for node in _lists(result, names_of(result)):
            self._observed.append((node, node.AddObserver(node.PointModifiedEvent, self._on_point)))
            self._known[node.GetID()] = _labels(node, len(result.original.fixed_keypoints))

    def close(self) -> None:
        """Stop."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed = []

    def _on_point(self, node: slicer.vtkMRMLMarkupsNode, _event: str) -> None:
        """A point was moved, which is not our business and must cost little, or its label was edited."""
        known = self._known[node.GetID()]
        labels = _labels(node, len(known))
        if labels == known or self._result.is_replaced:  # by another frame of a series, as it was called when it was tracked
            return
        names, problem = names_of(self._result), ""
        changed = [k for k, label in enumerate(labels) if label != known[k]]
        self._known[node.GetID()] = labels
        if all(labels[k] == names.names[k] for k in changed):  # they were named elsewhere
            return
        edited = [k for k in changed if labels[k] not in (names.names[k], names.labels[k])]
        for k in edited:
            try:
                names = names.renamed(k, labels[k])
            except InputError as error:
                problem = str(error)
        set_names(self._result.scene, names)
        if edited:
            self._taken_up(problem)


def _lists(result: SceneRegistration, names: KeypointNames) -> list[slicer.vtkMRMLMarkupsNode]:
    """The point lists of a registration that still have all keypoints of the network."""
    lists = (result.fixed_points, result.moving_points)
    return [node for node in lists if node is not None and node.GetNumberOfControlPoints() >= len(names.labels)]


def _labels(node: slicer.vtkMRMLMarkupsNode, count: int) -> list[str]:
    """Of the first ``count`` keypoints, the network's; those added come after them."""
    return [node.GetNthControlPointLabel(k) for k in range(min(count, node.GetNumberOfControlPoints()))]


def _label(result: SceneRegistration, names: KeypointNames, replaced: KeypointNames) -> None:
    """Write the names into the lists, instead of the model's labels and the names that are ``replaced``."""
    for node in _lists(result, names):
        current = _labels(node, len(names.labels))
        with slicer.util.NodeModify(node):
            for k, name in enumerate(names.names):
                if current[k] != name and current[k] in ("", names.labels[k], replaced.names[k]):
                    node.SetNthControlPointLabel(k, name)


def _renamed_if_possible(names: KeypointNames, keypoint: int, name: str) -> KeypointNames:
    try:
        return names.renamed(keypoint, name)
    except InputError:
        return names


def _stored(scene: slicer.vtkMRMLScene, model: str, labels: Sequence[str]) -> KeypointNames | None:
    node = _node(scene, model, labels)
    return None if node is None else _from_text(node.GetText())


def _node(scene: slicer.vtkMRMLScene, model: str, labels: Sequence[str]) -> slicer.vtkMRMLTextNode | None:
    """The node with the names of a model whose labels are the first ones of ``labels``.

    A version of the model with other labels has a node of its own.  One that cannot be read is left alone.
    """
    for node in slicer.util.getNodesByClass("vtkMRMLTextNode", scene):
        if node.GetAttribute(NAMES) == model:
            names = _from_text(node.GetText())
            if names is not None and names.labels == tuple(labels[: len(names.labels)]):
                return node
    return None


def _to_text(names: KeypointNames) -> str:
    content = {
        "format": _FORMAT,
        "model": names.model,
        "version": names.version,
        "labels": names.labels,
        "names": names.names,
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def _from_text(text: str) -> KeypointNames | None:
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            return None
        return KeypointNames(content["model"], content["version"], tuple(content["labels"]), tuple(content["names"]))
    except (ValueError, KeyError, TypeError):
        return None
