"""Registrations whose scans have left the scene: kept as compressed text, and brought back with their scans.

Every row of a worklist that was tidied away leaves one in the scene, and in its file: about 0.45 kB per keypoint, corrected
or not, so that a thousand rows with 60 keypoints take 27 MB.  (Measured on noise, which compresses worst; the plain text has
0.8 kB per keypoint, and twice that if corrected.)
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace

import numpy as np
import slicer

from ..nodes import add_hidden_text, remove_node
from ..results import record
from ..results.adding import add_registration
from ..results.handle import SceneRegistration
from ..volumes import volume_from_node

#: Attribute of the hidden text node that keeps a record; its value identifies the registration.
_KEPT = "KeypointRegistration.KeptRecord"


def record_text(result: SceneRegistration) -> str:
    """What to keep of a registration: the network's answer, the person's correction, and where it came from."""
    node: slicer.vtkMRMLTextNode = result.record
    return node.GetText()


def keep(scene: slicer.vtkMRMLScene, identifier: str, text: str) -> None:
    """Keep the ``record_text`` of a registration until ``bring_back``."""
    node = _node(scene, identifier) or add_hidden_text(scene, "Kept registration")
    node.SetAttribute(_KEPT, identifier)
    node.SetText(base64.b64encode(zlib.compress(text.encode())).decode())


def bring_back(
    identifier: str, fixed: slicer.vtkMRMLScalarVolumeNode, moving: slicer.vtkMRMLScalarVolumeNode
) -> SceneRegistration | None:
    """Show a kept registration again: the same, corrected as it was, without its heatmaps and the steps of undo.

    Returns:
        None if it was not kept, or if the scans are not those that were registered: its alignment would not fit them.
    """
    scene = fixed.GetScene()
    node = _node(scene, identifier)
    if node is None:
        return None
    try:
        content = record.from_text(zlib.decompress(base64.b64decode(node.GetText())).decode())
    except (ValueError, zlib.error):  # a later version has written it
        return None
    if not (_is_same(fixed, content.provenance["fixed"]) and _is_same(moving, content.provenance["moving"])):
        return None
    added = add_registration(scene, fixed, moving, content.registration, identifier=identifier)
    provenance = {**content.provenance, "fixed": added.provenance["fixed"], "moving": added.provenance["moving"]}
    record_node: slicer.vtkMRMLTextNode = added.record
    record_node.SetText(record.to_text(replace(content, provenance=provenance)))
    remove_node(scene, node)
    return SceneRegistration(record_node)


def _is_same(scan: slicer.vtkMRMLScalarVolumeNode, entry: dict) -> bool:
    """Whether a scan is where and as large as it was."""
    placed = volume_from_node(scan).ijk_to_ras
    same_size = list(scan.GetImageData().GetDimensions()) == list(entry["size"])
    return same_size and np.allclose(placed, np.array(entry["parent_to_world"]) @ np.array(entry["ijk_to_ras"]), atol=1e-4)


def _node(scene: slicer.vtkMRMLScene, identifier: str) -> slicer.vtkMRMLTextNode | None:
    texts = slicer.util.getNodesByClass("vtkMRMLTextNode", scene)
    return next((node for node in texts if node.GetAttribute(_KEPT) == identifier), None)
