"""Names of keypoints: what may be one, and lists of them that come from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from KeypointRegistrationLib.files.names import read_names, write_names
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.review.names import LONGEST_NAME, KeypointNames

LABELS = ("point 1", "point 2", "point 3")
HEADER = "model,version,index,label,name\n"


@pytest.fixture
def names() -> KeypointNames:
    return KeypointNames.of_model("heads", "1.0", LABELS)


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a list with the usual first line."""

    def write(text: str) -> Path:
        path = tmp_path / "names.csv"
        path.write_text(HEADER + text, encoding="utf-8")
        return path

    return write


class TestNames:
    def test_keypoints_without_a_name_have_the_models_label(self, names: KeypointNames) -> None:
        renamed = names.renamed(1, " left hippocampus ")
        assert renamed.names == ("point 1", "left hippocampus", "point 3")
        assert renamed.renamed(1, "").names == LABELS

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("point 3", "Keypoints 2 and 1 would both be called “point 3”"),
            ("x" * (LONGEST_NAME + 1), f"at most {LONGEST_NAME}"),
            ("left\nright", "line break"),
        ],
    )
    def test_a_name_that_cannot_be_one_is_refused(self, names: KeypointNames, name: str, words: str) -> None:
        with pytest.raises(InputError, match=words):
            names.renamed(1, name)

    def test_labels_of_the_model_are_as_they_are(self) -> None:
        labels = ("twice", "twice", "x" * 200)
        assert KeypointNames.of_model("heads", "1.0", labels).names == labels


class TestLists:
    def test_what_is_written_is_read(self, names: KeypointNames, tmp_path: Path) -> None:
        renamed = names.renamed(0, "=SUM(1)").renamed(2, 'Ærø, «links» "quoted"')
        write_names(tmp_path / "names.csv", renamed)
        assert read_names(tmp_path / "names.csv", names) == (renamed, "")

    def test_no_name_is_a_formula_for_a_spreadsheet(self, names: KeypointNames, tmp_path: Path) -> None:
        write_names(tmp_path / "names.csv", names.renamed(0, '=HYPERLINK("x")'))
        assert ",\"'=HYPERLINK" in (tmp_path / "names.csv").read_text(encoding="utf-8")

    def test_a_spreadsheets_own_separator_and_byte_order_mark_are_understood(
        self, names: KeypointNames, tmp_path: Path
    ) -> None:
        path = tmp_path / "names.csv"
        path.write_text("Model;Version;Index;Label;Name\nheads;1.0;1;point 2;Brücke, links\n\n", encoding="utf-8-sig")
        read, _ = read_names(path, names)
        assert read.names == ("point 1", "Brücke, links", "point 3")

    def test_a_list_of_some_leaves_the_others_and_says_so(self, names: KeypointNames, listed: Callable) -> None:
        read, note = read_names(listed("heads,1.0,2,point 3,nose\n"), names.renamed(0, "chin"))
        assert read.names == ("chin", "point 2", "nose")
        assert note == "It names 1 of 3 keypoints; the others keep their names."

    def test_a_list_of_another_version_with_the_same_labels_is_taken_with_a_note(
        self, names: KeypointNames, listed: Callable
    ) -> None:
        text = "".join(f"heads,0.9,{k},{label},name {k}\n" for k, label in enumerate(LABELS))
        read, note = read_names(listed(text), names)
        assert read.names == ("name 0", "name 1", "name 2")
        assert read.version == "1.0"
        assert note == "The list is of version 0.9 of heads; its labels are those of version 1.0."

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("knees,1.0,0,point 1,chin\n", "line 2: the names are for the model knees, these keypoints are of heads"),
            ("heads,2.0,0,vertex,chin\n", "keypoint 0 is labelled “vertex” there .* another version of the model"),
            ("heads,1.0,0,vertex,chin\n", "The list is of other keypoints"),
            ("heads,1.0,3,point 4,chin\n", "there is no keypoint 3. heads 1.0 has 3, counted from 0"),
            ("heads,1.0,-1,point 1,chin\n", "the index is “-1”"),
            ("heads,1.0,0,point 1,chin\nheads,1.0,0,point 1,nose\n", "line 3: keypoint 0 is there twice"),
            ("heads,1.0,0,point 1,\n", "line 2: keypoint 0 has no name"),
            ("heads,1.0,0,point 1,chin\nheads,1.0,1,point 2,chin\n", "Keypoints 1 and 0 would both be called “chin”"),
            (f"heads,1.0,0,point 1,{'x' * 500}\n", "has 500 characters"),
            ('heads,1.0,0,point 1,"chin\n', "line 2 cannot be taken apart"),
            ("heads\n", "the index is “”"),
            ("", "names no keypoint"),
        ],
    )
    def test_an_unusable_list_is_refused_with_the_reason(
        self, names: KeypointNames, listed: Callable, text: str, words: str
    ) -> None:
        path = listed(text)
        with pytest.raises(InputError, match=words) as refusal:
            read_names(path, names)
        assert str(path) in str(refusal.value)

    def test_a_file_that_is_no_list_is_refused(self, names: KeypointNames, tmp_path: Path) -> None:
        path = tmp_path / "names.csv"
        with pytest.raises(InputError, match="cannot be read"):
            read_names(path, names)
        path.write_text("")
        with pytest.raises(InputError, match="is empty"):
            read_names(path, names)
        path.write_text("index,label\n0,point 1\n")
        with pytest.raises(InputError, match="has no column model and no column version and no column name"):
            read_names(path, names)
        path.write_text("model,version,index,label,name,name\n")
        with pytest.raises(InputError, match="more than one column name"):
            read_names(path, names)
        path.write_bytes(b"\x89PNG\0\0")
        with pytest.raises(InputError, match="not a text file"):
            read_names(path, names)

    def test_a_list_that_cannot_be_written_leaves_the_earlier_file(self, names: KeypointNames, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be written"):
            write_names(tmp_path / "no such folder" / "names.csv", names)
        (tmp_path / "taken").mkdir()
        with pytest.raises(InputError, match="cannot be written"):
            write_names(tmp_path / "taken", names)
        assert [path.name for path in tmp_path.iterdir()] == ["taken"]
