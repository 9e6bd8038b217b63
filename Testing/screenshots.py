"""Pictures of the panel for README and extension page: ``python Testing/screenshots.py [FOLDER]``.

The real function: the heads of two people, one of them turned away, registered by the real worker and model, in an
off-screen window.  Needs the real scans in ``../shared/data``.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from host.application import Application
from host.person import Person
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.scene.volumes import add_volume
from samples import sample_matrix

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE = REPOSITORY / "KeypointRegistration" / "KeypointRegistration.py"
SCANS = REPOSITORY.parent / "shared" / "data" / "ixi_t1_2mm"
FIXED, MOVING = "IXI565-HH-2534", "IXI577-HH-2661"
TURN_DEGREES, SHIFT_MM = 60.0, (40.0, -30.0, 25.0)

#: The narrowest panel that must be usable, and a usual one, in pixels.
WIDTHS = {"panel_narrow.png": 350, "panel.png": 460}


def main(folder: Path) -> None:
    """Write one picture of the panel with its result per width."""
    folder.mkdir(parents=True, exist_ok=True)
    with Application() as application:
        panel = application.open_panel(MODULE)
        person = Person(application, panel)
        fixed, moving = (replace(read_volume(SCANS / f"{name}_T1.nii.gz"), name=name) for name in (FIXED, MOVING))
        add_volume(application.scene, fixed)
        add_volume(application.scene, moving.moved(sample_matrix(TURN_DEGREES, SHIFT_MM)))
        application.process_events()
        person.choose("fixedVolumeSelector", FIXED)
        person.choose("movingVolumeSelector", MOVING)
        person.click("applyButton")
        application.wait_until(lambda: person.can_click("applyButton"), "the result")
        for name, width in WIDTHS.items():
            panel.parent.window.resize(width, 400)
            application.screenshot(panel, folder / name)
            print(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "Resources" / "Screenshots")
