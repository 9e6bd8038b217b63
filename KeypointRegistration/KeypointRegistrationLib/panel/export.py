"""A result of the scene as a folder of files, for the panel and for scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..geometry.errors import InputError
from ..scene.drawing.heatmap_store import kept_heatmaps
from ..scene.notes.annotations import annotations_of
from ..scene.notes.names import named, shown_names
from ..scene.results.handle import SceneRegistration
from ..scene.results.placement import registered_scans
from ..scene.sides import Side


def export_result(
    result: SceneRegistration, folder: str | Path, *, replace_earlier: bool = False, heatmaps: bool = False
) -> Path:
    """Write what the command line writes: transform, moved scan, both point lists, table, report, pictures and the page.

    The scans are taken where they were registered, the alignment as it is now, with the person's corrections, names and
    annotations.  Files that are not ours are never touched.

    Args:
        result: of the scene.
        folder: is made if it does not exist.
        replace_earlier: whether files of an earlier export there may be written over.
        heatmaps: whether to write the probability maps too, where the scene has them.

    Returns:
        The page.

    Raises:
        InputError: if a scan is gone or has changed, the folder cannot be written to, or it holds an earlier export.
    """
    # Only now: these bring SimpleITK, which takes a while to load.
    from ..files.outputs import PAGE, check_folder, earlier_results, write_outputs
    from ..files.page import Story

    folder = Path(folder)
    fixed, moving = registered_scans(result)
    check_folder(folder)
    if not replace_earlier and earlier_results(folder):
        raise InputError(f"{folder} holds an earlier export. Allow it to be replaced, or choose another folder.")
    story = Story(result.original, result.correction, shown_names(result), annotations_of(result))
    registration = named(result.scene, result.registration)
    if heatmaps:
        maps = {side: kept_heatmaps(result, side) for side in Side}
        registration = replace(registration, fixed_heatmaps=maps[Side.FIXED], moving_heatmaps=maps[Side.MOVING])
    write_outputs(folder, fixed, moving, registration, story=story)
    return folder / PAGE
