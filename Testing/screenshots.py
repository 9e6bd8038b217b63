"""Pictures of the panel for README and extension page: ``python Testing/screenshots.py [FOLDER]``.

The real function, on real scans: two people's heads are registered by the real worker and model, in an off-screen window.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "Testing"), str(REPOSITORY / "KeypointRegistration")]

from host.application import Application
from host.person import Person
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.scene.volumes import add_volume

MODULE = REPOSITORY / "KeypointRegistration" / "KeypointRegistration.py"
SCANS = REPOSITORY.parent / "shared" / "data" / "ixi_t1_2mm"
FIXED, MOVING = "IXI565-IOP-1272_T1.nii.gz", "IXI577-Guys-1138_T1.nii.gz"

#: The narrowest panel that must be usable, and a usual one, in pixels.
WIDTHS = {"panel_narrow.png": 350, "panel.png": 460}


def main(folder: Path) -> None:
    """Write one picture of the panel with a result per width."""
    folder.mkdir(parents=True, exist_ok=True)
    with Application() as application:
        panel = application.open_panel(MODULE)
        for path in sorted(SCANS.glob("IXI5[67]*_T1.nii.gz"))[:2]:
            add_volume(application.scene, read_volume(path))
        person = Person(application, panel)
        fixed, moving = (path.name for path in sorted(SCANS.glob("IXI5[67]*_T1.nii.gz"))[:2])
        application.process_events()
        person.choose("fixedVolumeSelector", fixed)
        person.choose("movingVolumeSelector", moving)
        person.click("applyButton")
        application.wait_until(lambda: person.sees("trustLabel") or person.sees("messageLabel"), "the result")
        for name, width in WIDTHS.items():
            panel.parent.window.resize(width, 400)
            application.screenshot(panel, folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "Resources" / "Screenshots")
