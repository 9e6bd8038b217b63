"""The tutorial shows pictures that exist and names controls as the panel does; the checklist points at what is there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from KeypointRegistrationLib.files import outputs

REPOSITORY = Path(__file__).resolve().parent.parent
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
UI = REPOSITORY / "KeypointRegistration" / "Resources" / "UI"

#: Words in bold that are no control: a verdict, a title that code writes, and a caution.
NOT_IN_A_FILE = {"banner", "moving → fixed", "Residual", "For research. Not for clinical use."}


def text() -> str:
    return TUTORIAL.read_text(encoding="utf-8")


def said_by_the_panel() -> set[str]:
    """All texts of the panel's files, without the colons of captions."""
    properties = (entry for path in UI.glob("*.ui") for entry in ElementTree.parse(path).iter("property"))
    return {(entry.findtext("string") or "").rstrip(":") for entry in properties if entry.get("name") in ("text", "title")}


@pytest.mark.parametrize("document", ["docs/tutorial.md", "README.md"])
def test_every_picture_exists(document: str) -> None:
    path = REPOSITORY / document
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        assert (path.parent / picture).is_file(), f"{picture} is missing"


def test_every_control_is_called_as_in_the_panel() -> None:
    named = {name.replace("\n", " ").rstrip(":") for name in re.findall(r"\*\*([^*]+)\*\*", text())}
    assert named - NOT_IN_A_FILE <= said_by_the_panel()


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)#]+)\)", text()):
        assert (TUTORIAL.parent / link).is_file(), f"{link} leads nowhere"


def test_every_exported_file_is_explained() -> None:
    names = {value for name, value in vars(outputs).items() if name.isupper() and isinstance(value, str)}
    explained = set(re.findall(r"`([\w.]+\.\w+)`", text()))
    assert names <= explained


def test_everything_that_the_checklist_points_at_is_there() -> None:
    module = REPOSITORY / "KeypointRegistration"
    roots = (REPOSITORY, module, module / "KeypointRegistrationLib")
    paths = re.findall(r"`([\w/]+(?:/|\.(?:py|json|png|ui|md)|))`", (REPOSITORY / "docs" / "index_checklist.md").read_text())
    places = [path for path in paths if "/" in path or path.endswith((".py", ".json", ".md"))]
    assert len(places) > 20
    assert [path for path in places if not any((root / path).exists() for root in roots)] == []
