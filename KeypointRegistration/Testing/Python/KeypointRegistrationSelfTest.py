"""Runs inside Slicer: a real head, moved by a known transform, must come back.

Needs the sample data "MRHead" and PyTorch in Slicer's Python; says so and stops where PyTorch is missing.
"""

import subprocess
import unittest

import numpy as np
import slicer
import slicer.util
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.scene.volumes import volume_from_node
from KeypointRegistrationLib.worker.client import python_executable

from KeypointRegistration import KeypointRegistrationLogic

#: A turn by 50° about the head's long axis, with a shift in mm.
_TRUTH = np.array(
    [
        [np.cos(np.deg2rad(50)), -np.sin(np.deg2rad(50)), 0, 20],
        [np.sin(np.deg2rad(50)), np.cos(np.deg2rad(50)), 0, -15],
        [0, 0, 1, 30],
        [0, 0, 0, 1],
    ]
)

#: How far a corner of the head's box may be off, in mm.
_TOLERANCE_MM = 3.0


class KeypointRegistrationSelfTest(unittest.TestCase):
    """From two loaded volumes to the aligned scene, through the worker process."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        if subprocess.run([python_executable(), "-c", "import torch, safetensors"], capture_output=True).returncode != 0:
            self.skipTest("PyTorch is not installed in Slicer's Python")

    def test_HeadMovedByKnownTransformComesBack(self):
        import SampleData

        fixed = SampleData.downloadSample("MRHead")
        moving = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, fixed, "moved head")
        parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "truth")
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(_TRUTH))
        moving.SetAndObserveTransformNodeID(parent.GetID())

        options = RegistrationOptions(transform_type=TransformType.RIGID)
        result = KeypointRegistrationLogic().register(fixed, moving, options)

        self.assertTrue(result.applied)
        errors = np.linalg.norm(volume_from_node(moving).corners - volume_from_node(fixed).corners, axis=1)
        self.assertLess(errors.max(), _TOLERANCE_MM)
        result.remove()
        self.assertIs(moving.GetParentTransformNode(), parent)


if __name__ == "__main__":
    unittest.main()
