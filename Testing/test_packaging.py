"""What Slicer's build and extensions index read: the lists, the descriptions, the icons, the panel's file."""

from __future__ import annotations

import ast
import json
import re
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE = REPOSITORY / "KeypointRegistration"
NAME = "KeypointRegistration"
#: The panel's files: one for inputs and run, one for every section below.
PAGES = {path.stem: ElementTree.parse(path) for path in sorted((MODULE / "Resources" / "UI").glob("*.ui"))}


def cmake_value(variable: str) -> str:
    """The quoted value of a variable of the extension's CMakeLists.txt."""
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    (value,) = re.findall(rf'set\({variable} "([^"]*)"\)', text)
    return value


def cmake_list(variable: str) -> list[str]:
    """The entries of a list of the module's CMakeLists.txt."""
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    (entries,) = re.findall(rf"set\({variable}\n(.*?)\n  \)", text, re.DOTALL)
    return [entry.strip().replace("${MODULE_NAME}", NAME) for entry in entries.splitlines()]


def s4ext_values() -> dict[str, str]:
    lines = (REPOSITORY / f"{NAME}.s4ext").read_text(encoding="utf-8").splitlines()
    return dict(([*line.split(None, 1), ""])[:2] for line in lines if line and not line.startswith("#"))


def tracked_files() -> set[str]:
    """Files of the module that belong to the repository, or all files where there is no repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=MODULE, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip("needs git to tell which files belong to the repository")
    return {name for name in result.stdout.splitlines() if (MODULE / name).is_file()}


def test_every_script_is_listed_for_the_build() -> None:
    scripts = {name for name in tracked_files() if name.endswith(".py") and not name.startswith("Testing/")}
    listed = cmake_list("MODULE_PYTHON_SCRIPTS")
    assert sorted(listed) == sorted(scripts)


def test_every_resource_is_listed_for_the_build() -> None:
    resources = {name for name in tracked_files() if name.startswith("Resources/")}
    assert sorted(cmake_list("MODULE_PYTHON_RESOURCES")) == sorted(resources)


def test_every_test_that_runs_in_slicer_exists() -> None:
    text = (MODULE / "Testing" / "Python" / "CMakeLists.txt").read_text(encoding="utf-8")
    scripts = re.findall(r"SCRIPT (\S+)\)", text)
    assert scripts
    for script in scripts:
        assert (MODULE / "Testing" / "Python" / script.replace("${MODULE_NAME}", NAME)).is_file()


def test_the_project_is_called_as_its_catalogue_entry() -> None:
    assert f"project({NAME})" in (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    assert (REPOSITORY / f"{NAME}.json").is_file()
    assert not NAME.startswith("Slicer")


def test_the_catalogue_entry_follows_the_schema() -> None:
    path = REPOSITORY / f"{NAME}.json"
    assert b"\r" not in path.read_bytes()
    entry = json.loads(path.read_text(encoding="utf-8"))
    assert {"$schema", "category", "scm_url"} <= set(entry)
    optional = {"scm_revision", "scm_type", "build_dependencies", "build_subdirectory", "enabled", "tier"}
    assert set(entry) <= {"$schema", "category", "scm_url"} | optional
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert entry["category"] == "Registration"
    assert entry["scm_url"].startswith("https://") and f"Slicer{NAME}" in entry["scm_url"]
    assert entry["tier"] in range(1, 6)


def test_all_descriptions_agree() -> None:
    entry, s4ext = json.loads((REPOSITORY / f"{NAME}.json").read_text(encoding="utf-8")), s4ext_values()
    assert " ".join(entry["build_dependencies"]) == cmake_value("EXTENSION_DEPENDS") == s4ext["depends"]
    assert entry["category"] == s4ext["category"]
    assert entry["scm_url"] == s4ext["scmurl"]
    assert entry["scm_revision"] == s4ext["scmrevision"]
    for variable in ("homepage", "contributors", "description", "iconurl", "screenshoturls"):
        assert cmake_value(f"EXTENSION_{variable.upper()}") == s4ext[variable]


def test_addresses_of_pictures_name_files_of_the_repository() -> None:
    urls = [cmake_value("EXTENSION_ICONURL"), *cmake_value("EXTENSION_SCREENSHOTURLS").split()]
    for url in urls:
        assert url.startswith("https://raw.githubusercontent.com/")
        assert (REPOSITORY / url.split("/main/", 1)[1]).is_file(), url


@pytest.mark.parametrize("folder", [REPOSITORY, MODULE])
def test_the_icon_is_128_pixels_square_and_transparent(folder: Path) -> None:
    header = (folder / "Resources" / "Icons" / f"{NAME}.png").read_bytes()[:26]
    assert header.startswith(b"\x89PNG")
    width, height, _depth, colour_type = struct.unpack(">IIBB", header[16:26])
    assert (width, height) == (128, 128)
    assert colour_type in (4, 6)  # with alpha


def elements(tag: str) -> list[ElementTree.Element]:
    """All elements of a kind in all files of the panel."""
    return [element for page in PAGES.values() for element in page.iter(tag)]


def test_every_widget_of_the_panel_has_a_name_of_its_own() -> None:
    names = [element.get("name") for element in [*elements("widget"), *elements("layout")]]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith("qt_") or name in ("SpinBox", "Slider")]


def test_every_control_of_the_panel_explains_itself() -> None:
    without_need = {"qMRMLWidget", "ctkCollapsibleButton"}
    for element in elements("widget"):
        is_caption = element.get("class") == "QLabel" and element.get("name").endswith("Label")
        has_text = element.find("./property[@name='text']") is not None
        if element.get("class") in without_need or (is_caption and has_text):
            continue
        tip = element.find("./property[@name='toolTip']/string")
        assert tip is not None and tip.text, f"{element.get('name')} has no tool tip"


def parameter_names() -> set[str]:
    tree = ast.parse((MODULE / f"{NAME}Lib" / "panel" / "parameters.py").read_text(encoding="utf-8"))
    (node,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "PanelParameters"]
    return {statement.target.id for statement in node.body if isinstance(statement, ast.AnnAssign)}


def test_the_panel_is_bound_to_parameters_that_exist_each_to_one_widget() -> None:
    bound = [entry.findtext("string") for entry in elements("property") if entry.get("name") == "SlicerParameterName"]
    assert set(bound) <= parameter_names()
    assert len(bound) == len(set(bound))
    assert parameter_names() - set(bound) == {"model"}  # its list is filled from the bundles that are installed


@pytest.mark.parametrize("name", PAGES)
def test_every_mrml_selector_gets_the_scene(name: str) -> None:
    page = PAGES[name]
    assert page.getroot().find("widget").get("class") == "qMRMLWidget"
    connected = {
        entry.findtext("receiver")
        for entry in page.iter("connection")
        if entry.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and entry.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    selectors = {element.get("name") for element in page.iter("widget") if _needs_a_scene(element.get("class"))}
    assert connected == selectors


def _needs_a_scene(kind: str) -> bool:
    return kind.startswith("qMRML") and kind != "qMRMLWidget"


def test_every_widget_that_the_panel_uses_is_in_its_file() -> None:
    names = {element.get("name") for element in elements("widget")}
    sources = [MODULE / f"{NAME}.py", *(MODULE / f"{NAME}Lib" / "panel").glob("*.py")]
    used = {name for path in sources for name in re.findall(r"\bui\.(\w+)", path.read_text(encoding="utf-8"))}
    assert used <= names


def test_text_for_people_is_translatable_and_never_an_f_string() -> None:
    for path in [MODULE / f"{NAME}.py", *(MODULE / f"{NAME}Lib" / "panel").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: translate plain text, then format it"


def test_panel_and_help_say_that_this_is_not_for_clinical_use() -> None:
    notice = PAGES[NAME].getroot().find(".//widget[@name='noticeLabel']/property[@name='text']/string")
    assert "Not for clinical use" in notice.text
    assert "Not for clinical use" in (MODULE / f"{NAME}.py").read_text(encoding="utf-8")
