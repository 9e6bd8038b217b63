"""Tracked series summed up as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .publishing import markdown
from .track_methods import TRACK_METHODS, row_title
from .track_rows import FrameRow

_TURN = 20.0  # degrees from one frame to the next: a sudden turn


def track_tables(rows: Sequence[FrameRow]) -> str:
    """Errors of the frames in view, then what becomes of the difficult ones and what the verdicts are worth.

    Frames that are torn by motion are counted by themselves.
    """
    places = {method: place for place, method in enumerate(TRACK_METHODS)}
    methods = sorted({row.method for row in rows}, key=lambda name: (":" in name, places[name.partition(":")[0]], name))
    own = {name: [row for row in rows if row.method == name] for name in methods}
    series = len({row.series for row in rows})
    return "\n\n".join(
        [
            f"{series} series. Frames in view and not torn by motion: median / 90th percentile of those with an alignment; "
            "success: corners at most 5 mm off, of all.",
            _errors(own),
            "Difficult frames, and verdicts: a frame is *right* with corners at most 5 mm off, and *torn* where the head "
            "moves by more while it is taken.",
            _verdicts(own),
        ]
    )


def _errors(own: dict[str, list[FrameRow]]) -> str:
    head = ["method", "frames", "success", "rotation (°)", "at the centroid (mm)", "corners (mm)", "worst", "s", "CPU s"]
    lines = []
    for name, measured in own.items():
        seen = [row for row in measured if row.in_view and not row.torn]
        corners = [row.corner_mm for row in seen if row.corner_mm is not None]
        lines.append(
            [
                f"{row_title(name)} ({', '.join(sorted({row.version for row in measured}))})",
                str(len(seen)),
                f"{np.mean([row.right for row in seen]):.0%}".replace("%", " %"),
                *(_spread(seen, value) for value in (_rotation, _centroid, _corner)),
                f"{max(corners):.1f}" if corners else "–",
                *(f"{np.median(values):.1f}" for values in ([r.seconds for r in seen], [r.cpu_seconds for r in seen])),
            ]
        )
    return markdown(head, lines)


def _verdicts(own: dict[str, list[FrameRow]]) -> str:
    head = [
        "method",
        "right after a turn of 20° and more",
        "right when in view again",
        "lost though in view",
        "lost or distrusted, out of view",
        "lost or distrusted, torn",
        "distrusted and wrong",
        "distrusted but right",
        "trusted but wrong",
    ]
    lines = []
    for name, measured in own.items():
        seen = [row for row in measured if row.in_view and not row.torn]
        gone, torn = [row for row in measured if not row.in_view], [row for row in measured if row.torn]
        turned = [row for row in seen if row.turned_deg >= _TURN]
        last_gone = {(row.series, row.frame) for row in gone}
        back = [row for row in seen if (row.series, row.frame - 1) in last_gone]
        aligned = [row for row in seen if row.found]
        lines.append(
            [
                row_title(name),
                _count(turned, lambda row: row.right),
                _count(back, lambda row: row.right),
                _count(seen, lambda row: not row.found),
                *(_count(rows, lambda row: not row.found or not row.trusted) for rows in (gone, torn)),
                _count(aligned, lambda row: not row.trusted and not row.right),
                _count(aligned, lambda row: not row.trusted and row.right),
                _count(aligned, lambda row: row.trusted and not row.right),
            ]
        )
    return markdown(head, lines)


def _rotation(row: FrameRow) -> float | None:
    return row.rotation_deg


def _centroid(row: FrameRow) -> float | None:
    return row.centroid_mm


def _corner(row: FrameRow) -> float | None:
    return row.corner_mm


def _spread(rows: Sequence[FrameRow], value: Callable[[FrameRow], float | None]) -> str:
    values = [found for row in rows if (found := value(row)) is not None]
    return f"{np.median(values):.2f} / {np.quantile(values, 0.9):.2f}" if values else "–"


def _count(rows: Sequence[FrameRow], holds: Callable[[FrameRow], bool]) -> str:
    return f"{sum(map(holds, rows))} of {len(rows)}" if rows else "–"
