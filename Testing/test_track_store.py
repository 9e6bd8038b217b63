"""Finished frames stay, whatever ends a run; those of another run are never taken for one's own."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import REPOSITORY
from KeypointRegistrationLib.files.series.store import FRAMES, TrackStore
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.tracking import identity
from KeypointRegistrationLib.registration.tracking.identity import track_identity
from KeypointRegistrationLib.registration.tracking.tracker import ReferenceChoice, TrackingOptions
from sample_track import MemorySeries, lost_motion, sample_motion
from samples import sample_matrix, sample_volume
from test_archive import assert_same


def test_a_second_run_finds_the_frames_of_the_first(tmp_path: Path) -> None:
    store = TrackStore(tmp_path / "results", "one")
    assert store.frames == {} and not (tmp_path / "results").exists()
    for motion in (sample_motion(1), lost_motion(2)):
        store.add(motion)
    again = TrackStore(tmp_path / "results", "one").frames
    assert list(again) == [1, 2]
    assert_same(again[1], sample_motion(1))
    assert_same(again[2], lost_motion(2))


def test_a_frame_tracked_again_replaces_the_earlier_one(tmp_path: Path) -> None:
    store = TrackStore(tmp_path, "one")
    store.add(sample_motion(1))
    store.add(replace(sample_motion(1), fre=7.0))
    assert TrackStore(tmp_path, "one").frames[1].fre == 7.0


@pytest.mark.parametrize("missing", [1, 40, 3000])
def test_a_line_that_a_kill_has_cut_off_is_dropped_and_the_run_goes_on(tmp_path: Path, missing: int) -> None:
    store = TrackStore(tmp_path, "one")
    store.add(sample_motion(1))
    store.add(sample_motion(2))
    content = (tmp_path / FRAMES).read_bytes()
    (tmp_path / FRAMES).write_bytes(content[:-missing])
    resumed = TrackStore(tmp_path, "one")
    assert list(resumed.frames) == [1]
    resumed.add(sample_motion(2))
    assert (tmp_path / FRAMES).read_bytes() == content


def test_a_run_killed_within_its_first_line_starts_anew(tmp_path: Path) -> None:
    (tmp_path / FRAMES).write_bytes(b'{"kind": "fin')
    store = TrackStore(tmp_path, "one")
    store.add(sample_motion(1))
    assert list(TrackStore(tmp_path, "one").frames) == [1]


def test_a_damaged_line_costs_only_its_own_frame(tmp_path: Path) -> None:
    store = TrackStore(tmp_path, "one")
    for index in (1, 2, 3):
        store.add(sample_motion(index))
    lines = (tmp_path / FRAMES).read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"status"', b'"sta\xfftus"')
    (tmp_path / FRAMES).write_bytes(b"".join(lines))
    assert list(TrackStore(tmp_path, "one").frames) == [1, 3]


def test_frames_of_another_run_are_refused_and_kept(tmp_path: Path) -> None:
    TrackStore(tmp_path, "one").add(sample_motion(1))
    with pytest.raises(InputError, match="another series, or tracked with another mask"):
        TrackStore(tmp_path, "two")
    assert list(TrackStore(tmp_path, "one").frames) == [1]


@pytest.mark.parametrize("content", [b"my notes\n", b"[1]\n", b'{"kind": "mine", "identity": "one"}\n'])
def test_a_file_of_somebody_else_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FRAMES).write_bytes(content)
    with pytest.raises(InputError, match="not of a tracked series"):
        TrackStore(tmp_path, "one")
    assert (tmp_path / FRAMES).read_bytes() == content


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="Frame 1 cannot be written"):
        TrackStore(tmp_path / "taken", "one").add(sample_motion(1))


def test_a_disk_full_at_a_later_frame_keeps_the_finished_ones(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from sample_track import sample_motion\n"
        "from KeypointRegistrationLib.files.series.store import TrackStore\n"
        "from KeypointRegistrationLib.geometry.errors import InputError\n"
        "store = TrackStore(sys.argv[1], 'one')\n"
        "try:\n    [store.add(sample_motion(index)) for index in range(60)]\n"
        "except InputError as error:\n    print(error)\n"
    )
    paths = [str(REPOSITORY / "KeypointRegistration"), str(REPOSITORY / "Testing")]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *paths],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    kept = TrackStore(tmp_path, "one").frames
    assert 0 < len(kept) < 60 and list(kept) == list(range(len(kept)))
    assert f"not enough space in {tmp_path} to keep frame {len(kept)}. The {len(kept)} frames" in done.stdout
    assert (tmp_path / FRAMES).read_bytes().endswith(b"\n")


def test_frames_of_another_version_of_the_program_are_of_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    series = MemorySeries((sample_volume(), sample_volume(seed=1)), (0.0, 2.0))
    before = track_identity(series, None, TrackingOptions(), "weights")
    monkeypatch.setattr(identity, "__version__", "99.0")
    assert track_identity(series, None, TrackingOptions(), "weights") != before


def test_the_identity_follows_all_that_the_frames_depend_on_and_nothing_else() -> None:
    first, second = sample_volume(), sample_volume(seed=1)
    series, options = MemorySeries((first, second), (0.0, 2.0)), TrackingOptions()
    usual = track_identity(series, None, options, "weights")
    same = (
        track_identity(replace(series, name="other"), None, options, "weights"),
        track_identity(series, None, replace(options, device="cpu"), "weights"),
    )
    others = (
        track_identity(replace(series, times=(0.0, 3.0)), None, options, "weights"),
        track_identity(replace(series, volumes=(second, first)), None, options, "weights"),
        track_identity(replace(series, volumes=(first, second.moved(sample_matrix()))), None, options, "weights"),
        track_identity(series, first, options, "weights"),
        track_identity(series, None, replace(options, reference=ReferenceChoice.MEAN), "weights"),
        track_identity(series, None, replace(options, refine=False), "weights"),
        track_identity(series, None, options, "other weights"),
    )
    assert set(same) == {usual}
    assert len({usual, *others}) == 1 + len(others)
