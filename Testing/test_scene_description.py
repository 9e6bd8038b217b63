"""What a transform node says about its alignment is what the alignment is."""

from __future__ import annotations

from dataclasses import replace

import slicer
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.registration.result import Trust, TrustLevel
from KeypointRegistrationLib.scene.results.description import describe_transform
from registered_scene import registered
from samples import sample_registration


def said(transform: slicer.vtkMRMLTransformNode) -> tuple[str, ...]:
    return tuple(transform.GetAttribute(f"KeypointRegistration.{key}") for key in ("TransformType", "Trust", "Refined"))


def test_a_new_transform_says_what_it_holds(scene: slicer.vtkMRMLScene) -> None:
    assert said(registered(scene).transform) == ("rigid", "good", "no")


def test_it_says_what_it_holds_after_a_change(scene: slicer.vtkMRMLScene) -> None:
    transform = registered(scene).transform
    changed = replace(
        sample_registration(),
        transform_type=TransformType.AFFINE,
        trust=Trust(TrustLevel.CHECK, ("Look at it.",)),
        refined=True,
    )
    describe_transform(transform, changed)
    assert said(transform) == ("affine", "check", "yes")
    heard = []
    transform.AddObserver("ModifiedEvent", lambda *_: heard.append("modified"))
    describe_transform(transform, changed)  # as at every move of a mouse: nothing to tell
    assert heard == []
