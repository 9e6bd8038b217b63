"""What a transform node says about the alignment that it holds: attributes that other modules and scripts can read."""

from __future__ import annotations

import slicer

from ...registration.result import Registration


def describe_transform(transform: slicer.vtkMRMLTransformNode, registration: Registration) -> None:
    """Write what ``registration`` is now into the attributes ``KeypointRegistration.…`` of the transform that holds it."""
    attributes = {
        "Direction": "moving to fixed",
        "TransformType": registration.transform_type.value,
        "Model": registration.model.name,
        "ModelVersion": registration.model.version,
        "ModelSHA256": registration.model.sha256,
        "Trust": registration.trust.level.value,
        "Refined": "yes" if registration.refined else "no",
    }
    with slicer.util.NodeModify(transform):
        for key, value in attributes.items():
            if transform.GetAttribute(f"KeypointRegistration.{key}") != value:
                transform.SetAttribute(f"KeypointRegistration.{key}", value)
