"""At the panel's least width, every row of the keypoint table can be told from every other and says what became of it."""

from __future__ import annotations

import json
from dataclasses import replace

from KeypointRegistrationLib.scene.results.adding import add_registration
from panel_session import MODULE, Session
from samples import sample_heatmaps, sample_registration, sample_volume

CARD = MODULE.parent / "Resources" / "Models" / "brain-affine" / "card.json"
NAME, STATUS, RESIDUAL = 0, 1, 2  # columns


def test_rows_of_the_brain_model_stay_distinguishable_and_say_their_status(session: Session) -> None:
    labels = tuple(json.loads(CARD.read_text(encoding="utf-8"))["keypoints"]["labels"])
    volumes = [session.add(sample_volume(name)) for name in ("first", "second")]
    registration = sample_registration(len(labels))
    fixed, moving = (
        replace(keypoints, labels=labels) for keypoints in (registration.fixed_keypoints, registration.moving_keypoints)
    )
    result = add_registration(session.scene, *volumes, replace(registration, fixed_keypoints=fixed, moving_keypoints=moving))
    session.panel._bench.choose(result)
    session.person.open_section("keypointsCollapsibleButton")
    session.application.process_events()
    table = session.person.widget("keypointTable")
    metrics, room = table.fontMetrics(), table.columnWidth(NAME) - 30  # less the tick and the margins
    shown = [
        metrics.elidedText(name, table.textElideMode(), room) for name in session.person.reads_column("keypointTable", NAME)
    ]
    assert len(set(shown)) == len(labels) == 62
    row = labels.index("left cerebral cortex, front, high")
    assert shown[row] == "L cortex, front, high" and labels[row] in table.item(row, NAME).toolTip()
    statuses = session.person.reads_column("keypointTable", STATUS)
    assert all(metrics.horizontalAdvance(word) <= table.columnWidth(STATUS) - 8 for word in statuses)
    assert sum(table.columnWidth(column) for column in (NAME, STATUS, RESIDUAL)) <= table.viewport().width()


def test_what_colours_mean_and_what_a_deleted_list_takes_along_is_said(session: Session) -> None:
    registration = sample_registration()
    registration = replace(
        registration,
        fixed_heatmaps=sample_heatmaps(registration.fixed_keypoints),
        moving_heatmaps=sample_heatmaps(registration.moving_keypoints),
    )
    volumes = [session.add(sample_volume(name)) for name in ("first", "second")]
    result = add_registration(session.scene, *volumes, registration)
    session.panel._bench.choose(result)
    person = session.person
    person.open_section("keypointsCollapsibleButton")
    person.click("heatmapsCheckBox")
    person.click_cell("keypointTable", 5, NAME)
    person.choose("heatmapChoiceComboBox", "All, one colour each")
    assert person.reads("keypointDetailLabel") == "point 6: used. Heatmap colours only tell neighbours apart."
    person.choose("heatmapChoiceComboBox", "Selected keypoint")
    assert person.reads("keypointDetailLabel") == "point 6: used."
    assert not person.sees("keypointMessageLabel")
    session.scene.RemoveNode(result.fixed_points)
    session.application.process_events()
    assert person.reads("keypointMessageLabel").startswith("Heatmaps of the fixed volume cannot be shown")
    session.scene.RemoveNode(result.moving_points)
    session.application.process_events()
    assert person.reads("keypointMessageLabel").startswith("There are no heatmaps") and not person.can_click(
        "heatmapsCheckBox"
    )
