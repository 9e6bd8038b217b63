"""Keypoints as a point list in Slicer's own markups file format (.mrk.json)."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from ..geometry.keypoints import Keypoints
from ..registration.result import KeypointStatus, Registration
from ..registration.table import pair_distances

_SCHEMA = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"


#: Slicer saves LPS, and so do we: what reads the one reads the other.
_LPS_SIGNS = np.array([-1.0, -1.0, 1.0])
_LPS_AXES = [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0]


def markups_text(registration: Registration, side: str) -> str:
    """The ``"fixed"`` or ``"moving"`` keypoints of a result, each list in its own scan's space, as a .mrk.json text.

    Control point k is keypoint k in both lists.  A keypoint that a scan does not show keeps its place with the status
    Missing; one that takes no part in the fit is unselected.  Every point carries its confidence (the
    probability that its anatomy is in the scan), its spread in mm and its residual in mm (NaN where there is none).
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
                "controlPoints": _control_points(keypoints, registration),
                "measurements": [
                    _measurement("confidence", "", keypoints.presence),
                    _measurement("spread", "mm", keypoints.spread),
                    _measurement("residual", "mm", pair_distances(registration)),
                ],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _control_points(keypoints: Keypoints, registration: Registration) -> list[dict]:
    absent = registration.absent(keypoints)
    return [
        {
            "id": str(k + 1),
            "label": label,
            "description": registration.exclusion_reasons[k] or registration.status[k].value,
            "associatedNodeID": "",
            "position": (keypoints.positions[k] * _LPS_SIGNS).tolist(),
            "orientation": _LPS_AXES,
            "selected": registration.status[k] is KeypointStatus.USED,
            "locked": False,
            "visibility": True,
            "positionStatus": "missing" if absent[k] else "defined",
        }
        for k, label in enumerate(keypoints.labels)
    ]


def _measurement(name: str, units: str, values: NDArray[np.float64]) -> dict:
    return {
        "name": name,
        "enabled": True,
        "units": units,
        "printFormat": "%-#4.4g%s",
        "controlPointValues": values.tolist(),
    }
