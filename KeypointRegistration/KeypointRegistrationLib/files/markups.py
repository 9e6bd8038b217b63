"""Keypoints as a point list in Slicer's own markups file format (.mrk.json)."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..geometry.keypoints import Keypoints
from ..registration.result import KeypointStatus, Registration

_SCHEMA = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"

#: Slicer saves LPS, and so do we: what reads the one reads the other.
_LPS_SIGNS = np.array([-1.0, -1.0, 1.0])
_LPS_AXES = [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0]


def markups_text(registration: Registration, side: str) -> str:
    """The ``"fixed"`` or ``"moving"`` keypoints of a result, each list in its own scan's space, as a .mrk.json text.

    Control point k is keypoint k in both lists.  A keypoint that a scan does not show keeps its place with the status
    Missing; one that takes no part in the fit is unselected.  Every point carries its presence, its spread in mm and its
    residual in mm (NaN where there is none).
    """
    keypoints: Keypoints = getattr(registration, f"{side}_keypoints")
    document = {
        "@schema": _SCHEMA,
        "markups": [
            {
                "type": "Fiducial",
                "coordinateSystem": "LPS",
                "coordinateUnits": "mm",
                "locked": False,
                "fixedNumberOfControlPoints": True,
                "labelFormat": "%N-%d",
                "lastUsedControlPointNumber": len(keypoints),
                "controlPoints": _control_points(keypoints, registration.status, registration.exclusion_reasons),
                "measurements": [
                    _measurement("presence", "", keypoints.presence),
                    _measurement("spread", "mm", keypoints.spread),
                    _measurement("residual", "mm", registration.residuals),
                ],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _control_points(keypoints: Keypoints, statuses: Sequence[KeypointStatus], reasons: Sequence[str]) -> list[dict]:
    return [
        {
            "id": str(index + 1),
            "label": label,
            "description": reason or status.value,
            "associatedNodeID": "",
            "position": (position * _LPS_SIGNS).tolist(),
            "orientation": _LPS_AXES,
            "selected": status is KeypointStatus.USED,
            "locked": False,
            "visibility": True,
            "positionStatus": "missing" if status is KeypointStatus.MISSING else "defined",
        }
        for index, (label, position, status, reason) in enumerate(
            zip(keypoints.labels, keypoints.positions, statuses, reasons, strict=True)
        )
    ]


def _measurement(name: str, units: str, values: NDArray[np.float64]) -> dict:
    return {
        "name": name,
        "enabled": True,
        "units": units,
        "printFormat": "%-#4.4g%s",
        "controlPointValues": values.tolist(),
    }
