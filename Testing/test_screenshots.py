"""The published pictures are of every section, small, and true to the greys of a scan."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import screenshots
from palette import save_palette_png
from panel_session import Session
from PySide6 import QtGui

UI = screenshots.MODULE.parent / "Resources" / "UI"


def picture(pixels: np.ndarray) -> QtGui.QImage:
    height, width, _ = pixels.shape
    return QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()


def read(path: Path) -> np.ndarray:
    image = QtGui.QImage(str(path)).convertToFormat(QtGui.QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def test_every_section_of_the_panel_has_its_picture() -> None:
    roots = {ElementTree.parse(path).getroot().findtext("class") for path in UI.glob("*.ui")}
    assert roots == set(screenshots.SECTIONS)
    for name in [*screenshots.SECTIONS.values(), screenshots.MAIN_PICTURE]:
        assert (screenshots.FOLDER / f"{name}.png").is_file(), f"{name}.png is missing: python Testing/screenshots.py"


def test_a_person_can_do_all_that_the_pictures_show(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screenshots, "KEYPOINT", "point 1")
    monkeypatch.setattr(screenshots, "save_palette_png", lambda image, path: image.save(str(path)))
    screenshots.take_all(screenshots.Photographer(session.application, tmp_path, session.panel))
    taken = {path.stem for path in tmp_path.glob("*.png")}
    assert taken == {*screenshots.SECTIONS.values(), "window", "window_loaded", "window_correct", "window_track"}
    assert (tmp_path / "S1 to Colin27" / "page.html").is_file()


def test_the_pictures_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in screenshots.FOLDER.iterdir()) < 3_500_000


def test_a_picture_of_few_colours_is_kept_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).choice(np.array([[0, 0, 0], [255, 10, 3], [7, 200, 90]], np.uint8), (5, 13))
    save_palette_png(picture(pixels), tmp_path / "few.png")
    assert np.array_equal(read(tmp_path / "few.png"), pixels)


def test_greys_stay_grey_among_many_colours(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    greys = np.repeat(rng.integers(0, 256, (60, 100, 1)), 3, axis=2)
    colours = np.clip(greys + rng.integers(0, 60, greys.shape), 0, 255)
    pixels = np.hstack([greys, colours]).astype(np.uint8)
    save_palette_png(picture(pixels), tmp_path / "many.png")
    written = read(tmp_path / "many.png").astype(int)
    assert np.ptp(written[:, :100], axis=2).max() <= 2
    assert np.abs(written[:, :100] - pixels[:, :100]).max() <= 3
    assert np.abs(written[:, 100:] - pixels[:, 100:]).mean() < 12


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not be written"):
        save_palette_png(picture(np.zeros((4, 4, 3), np.uint8)), tmp_path / "nowhere" / "picture.png")
