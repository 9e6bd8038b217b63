"""Scans to try the module on, in Slicer's Sample Data: a fixed and a moving one each.

All are among the scans that Slicer itself offers there.  They were "donated to 3D Slicer project by the persons visible in
the images, to be used without any restrictions" (acknowledgements of Slicer's SampleData module).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

CATEGORY = "KeypointRegistration"

#: Files there are named by the SHA-256 of their contents.
_STORE = "https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/"


@dataclass(frozen=True)
class Scan:
    """One file: its node's name, its name in the download cache, and the SHA-256 of its contents."""

    node: str
    file: str
    sha256: str


_T1 = Scan("MRBrainT1", "MR-brain-T1.nrrd", "2da3f655ed20356ee8cdf32aa0f8f9420385de4b6e407d28e67f9974d7ce1593")
_T2 = Scan("MRBrainT2", "MR-brain-T2.nrrd", "fa1fe5910a69182f2b03c0150d8151ac6c75df986449fb5a6c5ae67141e0f5e7")
_HEAD = Scan("MRHead", "MR-head.nrrd", "cc211f0dfd9a05ca3841ce1141b292898b2dd2d3f08286affadf823a7e58df93")

#: The pairs, fixed scan first, by the names that scripts download them by.
PAIRS = {"KeypointRegistrationContrasts": (_T1, _T2), "KeypointRegistrationPeople": (_T1, _HEAD)}


def register_sample_data(icons: Path) -> None:
    """Offer the pairs in Sample Data.  ``icons`` is the folder with a thumbnail NAME.png of each pair.

    To be called once the application has started: SampleData is a module of its own, loaded in any order, and a person may
    have switched it off.
    """
    try:
        import SampleData
    except ImportError:
        return

    logic: Any = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):  # Slicer 5.12 and newer
        logic.registerCustomSampleDataCategory(CATEGORY, title=_("Keypoint Registration"))
    for name, scans in PAIRS.items():
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            thumbnailFileName=str(icons / f"{name}.png"),
            uris=[_STORE + scan.sha256 for scan in scans],
            fileNames=[scan.file for scan in scans],
            nodeNames=[scan.node for scan in scans],
            checksums=[f"SHA256:{scan.sha256}" for scan in scans],
        )
