"""The page of a result: strict markup, nothing from elsewhere, and every number a colleague asks for."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from KeypointRegistrationLib.files.outputs import write_outputs
from KeypointRegistrationLib.files.page import Story, page
from KeypointRegistrationLib.files.picture import before_after
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.correction import AddedPair, Correction, PairChoice, corrected
from KeypointRegistrationLib.registration.result import Registration, Trust, TrustLevel
from KeypointRegistrationLib.registration.table import pair_distances
from KeypointRegistrationLib.review.annotation import Annotation, Rating
from samples import sample_registration, sample_volume

VOID = {"meta", "img", "br"}
WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=timezone.utc)


class StrictParser(HTMLParser):
    """Fails where tags are not closed in order; keeps the text and every tag with its attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"{tag} closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def scans() -> tuple[Volume, Volume]:
    fixed = sample_volume("Atlas <1> & co")
    moved = fixed.moved(np.linalg.inv(sample_registration().moving_to_fixed))
    return fixed, replace(moved, name="Brain T1")


@pytest.fixture(scope="module")
def folder(scans: tuple[Volume, Volume], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_outputs(folder, *scans, replace(sample_registration(), fixed_heatmaps=None, moving_heatmaps=None))
    return folder


def read(scans: tuple[Volume, Volume], registration: Registration, story: Story | None = None) -> StrictParser:
    return StrictParser(page(*scans, registration, [], story, WHEN))


def test_it_is_strict_markup_that_needs_nothing_from_elsewhere(folder: Path) -> None:
    markup = (folder / "page.html").read_text(encoding="utf-8")
    parsed = StrictParser(markup)
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"script", "link", "iframe", "object", "form", "a"})
    sources = [value for _, attributes in parsed.tags for key, value in attributes.items() if key in ("src", "href")]
    assert len(sources) == 2 and all(source.startswith("data:image/png;base64,") for source in sources)
    assert "http:" not in markup and "https:" not in markup and "url(" not in markup
    assert "default-src 'none'" in markup
    assert str(folder) not in markup


def test_it_can_be_read_as_xml_too(folder: Path) -> None:
    markup = (folder / "page.html").read_text(encoding="utf-8").partition("\n")[2]
    for tag in ("meta charset", "meta http", "meta name", "img "):
        assert f"<{tag}" in markup
    closed = "".join(_closed(piece) for piece in markup.split("<"))
    ElementTree.fromstring(closed)


def _closed(piece: str) -> str:
    """A piece of markup after ``<``, with the tags that HTML leaves open closed."""
    if piece.startswith(("meta", "img", "br")):
        head, _, rest = piece.partition(">")
        return f"<{head}/>{rest}"
    return f"<{piece}" if piece.strip() else piece


def test_its_pictures_are_the_ones_beside_it(folder: Path) -> None:
    parsed = StrictParser((folder / "page.html").read_text(encoding="utf-8"))
    inside = [base64.b64decode(attributes["src"].partition(",")[2]) for tag, attributes in parsed.tags if tag == "img"]
    assert inside == [(folder / name).read_bytes() for name in ("before_after.png", "overview.png")]
    assert all(attributes["alt"] for tag, attributes in parsed.tags if tag == "img")


def test_before_and_after_show_what_the_alignment_does(scans: tuple[Volume, Volume], folder: Path) -> None:
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "before_after.png"))).astype(int)
    np.testing.assert_array_equal(picture, before_after(*scans, sample_registration()))
    middle = picture.shape[0] // 2
    disagreement = np.abs(picture[..., 0] - picture[..., 1])  # magenta and green make grey
    assert disagreement[:middle].mean() > 5 * disagreement[middle:].mean()


@pytest.mark.parametrize("level", TrustLevel)
def test_the_verdict_is_on_top_with_its_reasons(scans: tuple[Volume, Volume], level: TrustLevel) -> None:
    reasons = () if level is TrustLevel.GOOD else ("Too few <pairs>.", "Odd shape.")
    parsed = read(scans, replace(sample_registration(), trust=Trust(level, reasons)))
    headline = {"good": "Good.", "check": "Check this", "do not trust": "Do not trust"}[level.value]
    assert headline in parsed.text and all(reason in parsed.text for reason in reasons)
    assert parsed.text.index(headline) < parsed.text.index("The scans")


def test_it_says_what_the_alignment_does_and_in_which_direction(scans: tuple[Volume, Volume]) -> None:
    registration = sample_registration()
    text = read(scans, registration).text
    assert "From the moving to the fixed scan, the alignment (rigid) rotates 30.0°" in text
    rows = [line.split()[:4] for line in text.partition("to the fixed scan:")[2].splitlines()[:3]]
    np.testing.assert_allclose(np.array(rows, dtype=float), registration.moving_to_fixed[:3], atol=1e-6)
    assert "from points of the fixed scan to the moving scan, in LPS" in text


def test_residual_and_predicted_error_are_told_apart(scans: tuple[Volume, Volume]) -> None:
    text = read(scans, replace(sample_registration(), fre=1.234)).text
    predicted = text.partition("(TRE)")[2].partition("(FRE)")[0]
    residual = text.partition("(FRE)")[2].partition("Similarity")[0]
    for words in ("0.50 mm at the centre", "0.90 mm typical", "up to 1.20 mm in 95 % of places", "not a measurement"):
        assert words in predicted
    assert "1.23 mm" in residual and "14 of 16 keypoints used" in residual and "nothing about the accuracy" in residual
    assert "1.23" not in predicted and "0.90" not in residual


def test_no_error_is_predicted_for_what_is_not_to_be_trusted(scans: tuple[Volume, Volume]) -> None:
    untrusted = replace(sample_registration(), trust=Trust(TrustLevel.DO_NOT_TRUST, ("Too few pairs.",)))
    predicted = read(scans, untrusted).text.partition("(TRE)")[2].partition("(FRE)")[0]
    assert "cannot be predicted" in predicted and "0.90" not in predicted


def test_every_keypoint_has_a_line_with_its_name_and_reason(scans: tuple[Volume, Volume]) -> None:
    parsed = read(scans, sample_registration(), Story(names=("left <eye>",)))
    table = parsed.text.partition("Keypoints")[2]
    assert "left <eye>" in table and "point 10" in table and "point 16" in table
    assert "example reason: excluded" in table and "not found" in table


def test_a_pair_that_was_left_out_has_its_residual_and_a_missing_one_has_none(scans: tuple[Volume, Volume]) -> None:
    original = sample_registration()
    correction = Correction(TransformType.RIGID, choices={4: PairChoice.LEAVE_OUT})
    now = corrected(original, correction)
    rows = page(*scans, now, [], Story(original, correction), WHEN).partition("<h2>Keypoints</h2>")[2].split("<tr>")[2:]
    assert f"<td>{pair_distances(now)[4]:.2f}</td>" in rows[4] and np.isnan(now.residuals[4])
    assert "unknown" not in rows[4] and "<td></td>" in rows[1]


def test_provenance_and_notice_are_there(scans: tuple[Volume, Volume]) -> None:
    text = read(scans, replace(sample_registration(), warnings=("An affine was asked for.",))).text
    for words in ("brain-affine 0.0.0", "0" * 64, "KeypointRegistration 0", "CPU", "An affine was asked for.", "2026-03-04"):
        assert words in text
    assert text.rstrip().endswith("For research. Not for clinical use.")
    assert "Atlas <1> & co" in text


def test_a_number_that_does_not_exist_is_unknown(scans: tuple[Volume, Volume]) -> None:
    text = read(scans, replace(sample_registration(), fre=float("nan"))).text
    assert "nan" not in text.lower().replace("name", "") and "unknown" in text


def test_what_a_person_has_changed_is_listed(scans: tuple[Volume, Volume]) -> None:
    original = sample_registration()
    x, y, z = original.fixed_keypoints.positions[3]
    correction = Correction(
        TransformType.SIMILARITY,
        robust=False,
        choices={4: PairChoice.LEAVE_OUT, 2: PairChoice.USE},
        factors={5: 2.5},
        fixed_positions={3: (x, y, z + 4)},
        added=(AddedPair("extra", (1, 2, 3), (1, 2, 4)),),
    )
    text = read(scans, corrected(original, correction), Story(original, correction)).text
    told = text.partition("Changed by a person")[2].partition("Keypoints")[0]
    for words in (
        "made similarity; it was rigid", "disagree with the others are kept", "point 5: left out", "point 3: used",
        "point 6: weight multiplied by 2.5", "point 4: moved by 4.00 mm in the fixed scan", "extra: added by hand",
    ):  # fmt: skip
        assert words in told
    assert "Changed by a person" not in read(scans, original, Story(original, Correction.none(original))).text


def test_reviews_are_told(scans: tuple[Volume, Volume]) -> None:
    annotation = Annotation(Rating.REJECT, "Dr. <A>", WHEN, "Left & right swapped")
    text = read(scans, sample_registration(), Story(annotations=(annotation,))).text
    assert all(words in text for words in ("Reviewed", "reject", "Dr. <A>", "Left & right swapped", "2026-03-04 05:06"))
    assert "Reviewed" not in read(scans, sample_registration()).text
