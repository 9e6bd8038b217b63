"""The scans that the module offers in Slicer's Sample Data."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import pytest
import slicer
from host.application import Application
from host.sample_data import sample_data_module
from panel_session import MODULE


@pytest.mark.parametrize("newer", [False, True], ids=["Slicer 5.10", "Slicer 5.12"])
def test_pairs_are_offered_once_the_application_has_started(
    application: Application, monkeypatch: pytest.MonkeyPatch, newer: bool
) -> None:
    sample_data = sample_data_module(newer)
    application.load_module(MODULE)
    monkeypatch.setitem(sys.modules, "SampleData", sample_data)
    assert sample_data.SampleDataLogic.sources == []
    slicer.app.complete_startup()
    sources = sample_data.SampleDataLogic.sources
    assert [source.sampleName for source in sources] == ["KeypointRegistrationContrasts", "KeypointRegistrationPeople"]
    assert {source.category for source in sources} == {"KeypointRegistration"}
    assert sample_data.SampleDataLogic.categories == ({"KeypointRegistration": "Keypoint Registration"} if newer else {})


def test_every_file_is_named_by_its_checksum_and_every_pair_has_a_picture(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample_data = sample_data_module(newer=True)
    monkeypatch.setitem(sys.modules, "SampleData", sample_data)
    application.load_module(MODULE)
    slicer.app.complete_startup()
    for source in sample_data.SampleDataLogic.sources:
        assert len(source.uris) == 2  # a fixed and a moving scan
        for uri, checksum in zip(source.uris, source.checksums, strict=True):
            algorithm, digest = checksum.split(":")
            assert algorithm == "SHA256" and re.fullmatch("[0-9a-f]{64}", digest)
            assert uri == f"https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/{digest}"
        header = Path(source.thumbnailFileName).read_bytes()[:24]
        assert header.startswith(b"\x89PNG") and struct.unpack(">II", header[16:24]) == (260, 280)


def test_the_same_file_has_the_same_name_and_checksum_in_every_pair(application: Application) -> None:
    from KeypointRegistrationLib.panel.sample_data import PAIRS

    files = {scan.file: scan for scans in PAIRS.values() for scan in scans}
    assert all(files[scan.file] == scan for scans in PAIRS.values() for scan in scans)
