"""Lists of series: what each line says, and which cannot be used and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from KeypointRegistrationLib.files.series.listing import ListedSeries, read_series_list
from KeypointRegistrationLib.geometry.errors import InputError


def test_every_line_is_a_series_and_bad_ones_say_why(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "id;series;mask;reference;scanner\n"
        "one;a.nii.gz;masks/a.nii.gz;mean;3 T\n"
        ";/far/b.nrrd;;;\n"
        "two;;;;\n"
        "\n"
        "one;c.nii.gz;;3;\n"
    )
    assert read_series_list(tmp_path / "list.csv") == (
        ListedSeries(2, str(tmp_path / "a.nii.gz"), "one", str(tmp_path / "masks" / "a.nii.gz"), "mean"),
        ListedSeries(3, "/far/b.nrrd"),
        ListedSeries(4, "", "two", problem="The series is missing."),
        ListedSeries(6, str(tmp_path / "c.nii.gz"), "one", reference="3", problem="The id one is in line 2 already."),
    )


@pytest.mark.parametrize(("text", "words"), [("series\n", "lists no series"), ("scan\na.nii\n", "no column series")])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_series_list(tmp_path / "list.csv")
