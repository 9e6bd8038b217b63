"""The benchmark of dragging measures what it says: every part takes time, and the alignment really follows."""

from __future__ import annotations

from pathlib import Path

import benchmark_drag


def test_every_part_of_a_move_is_measured_beside_the_baseline() -> None:
    times = benchmark_drag.measure(count=8, size=24, moves=3)
    assert {len(seconds) for seconds in times.parts.values()} == {len(times.baseline)} == {3}
    assert all(min(seconds) > 0 for seconds in times.parts.values())
    assert (times.totals > times.parts["draw"]).all()


def test_the_table_gives_milliseconds_and_the_ratio_of_the_same_run() -> None:
    parts = {part: [0.001, 0.001] for part in benchmark_drag.PARTS}
    text = benchmark_drag.table({64: benchmark_drag.Times(parts, [0.002, 0.002])})
    assert text.splitlines()[-1] == "| 64 | 5.0 | 5.0 | 1.0 | 1.0 | 1.0 | 1.0 | 1.0 | 2.0 / 2.0 | 2.50 |"


def test_the_document_has_a_place_for_the_table() -> None:
    document = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
    assert document.read_text(encoding="utf-8").count("<!-- begin drag -->") == 1
