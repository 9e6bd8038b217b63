"""The self-tests that run inside Slicer, run in the stand-in for it."""

from __future__ import annotations

import importlib.util
import sys
import types
import unittest
from dataclasses import replace
from pathlib import Path

import pytest
import slicer
from host.application import Application
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.scene.volumes import add_volume
from tiny_model import write_tiny_bundle

MODULE = Path(__file__).resolve().parent.parent / "KeypointRegistration"


def run(tests: type[unittest.TestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(tests).run(result)
    assert result.testsRun > 0
    assert [text for _test, text in result.errors + result.failures] == []
    return result


def test_the_self_test_of_the_module_passes(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_bundle(tmp_path, "brain-affine")
    monkeypatch.setattr(bundle, "models_folder", lambda: tmp_path)
    application.open_panel(MODULE / "KeypointRegistration.py")
    tests = sys.modules["KeypointRegistration"].KeypointRegistrationTest
    tests().runTest()  # as Slicer's "Test" button does
    run(tests)


def test_the_self_test_on_a_real_head_passes(
    application: Application, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    head = read_volume(shared_data / "ixi_t1_2mm" / "IXI603-HH-2701_T1.nii.gz")
    sample_data = types.ModuleType("SampleData")
    sample_data.downloadSample = lambda name: add_volume(slicer.mrmlScene, replace(head, name=name))
    monkeypatch.setitem(sys.modules, "SampleData", sample_data)
    application.load_module(MODULE / "KeypointRegistration.py")
    path = MODULE / "Testing" / "Python" / "KeypointRegistrationSelfTest.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert run(module.KeypointRegistrationSelfTest).skipped == []
