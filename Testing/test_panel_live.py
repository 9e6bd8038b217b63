"""While a point is dragged, the panel tells what follows at once; the rest follows when it is let go."""

from __future__ import annotations

from dataclasses import replace

from host.application import Application
from KeypointRegistrationLib.registration.correction import Correction
from KeypointRegistrationLib.registration.result import SimilarityChange
from KeypointRegistrationLib.registration.table import keypoint_rows
from samples import sample_registration

RESIDUAL = 2


def test_only_rows_in_sight_follow_a_drag_and_all_rows_its_end(application: Application) -> None:
    import qt
    import slicer.util
    from KeypointRegistrationLib.panel.keypoint_table import KeypointTable

    registration = sample_registration(60)
    rows = keypoint_rows(registration, Correction.none(registration))
    changed = tuple(replace(row, residual=7.7) for row in rows)
    widget = qt.QTableWidget(slicer.util.mainWindow())
    widget.resize(600, 200)
    application.main_window.show()
    widget.show()
    table = KeypointTable(widget, lambda _keypoint: None, lambda _keypoint, _used: None)
    table.show(rows)
    application.process_events()

    def residuals() -> list[str]:
        return [widget.item(row, RESIDUAL).text() for row in range(widget.rowCount)]

    before = residuals()
    table.show(changed, True)
    during = residuals()
    followed = [row for row in range(60) if during[row] != before[row]]
    assert followed[:3] == [0, 1, 2] and 3 <= len(followed) < 20
    table.show(changed)
    assert set(residuals()) == {"7.7"}


def test_a_similarity_that_is_still_to_be_measured_is_no_number(application: Application) -> None:
    from KeypointRegistrationLib.panel.wording import similarity_text

    registration = replace(sample_registration(), similarity=SimilarityChange(1.05, float("nan")))
    assert similarity_text(registration) == "NMI 1.050 before, not yet measured after"
