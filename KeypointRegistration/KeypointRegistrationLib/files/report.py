"""A result in words and numbers: report.json, keypoints.csv and the lines that a person reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from ..geometry.volume import Volume
from ..registration.result import KeypointStatus, Registration, TrustLevel
from ..registration.table import pair_distances
from .tables import table_text

#: The stages whose cost every report states.
STAGES = ("load", "prepare", "detect", "align", "refine", "write", "total")


def report(fixed: Volume, moving: Volume, registration: Registration, seconds: Mapping[str, float]) -> dict:
    """The content of report.json.  Lengths are mm, matrices RAS; a number that does not exist is None (null).

    ``seconds`` gives the stages that the registration itself does not know: ``load``, ``write`` and ``total``.
    """
    used = int(registration.used.sum())
    content = {
        "fixed": fixed.name,
        "moving": moving.name,
        "moving_to_fixed_ras": registration.moving_to_fixed.tolist(),
        "description": registration.description,
        "transform_type": registration.transform_type.value,
        "requested_transform_type": registration.requested_type.value,
        "trust": {"level": registration.trust.level.value, "reasons": list(registration.trust.reasons)},
        "keypoints_used": used,
        "keypoints_total": len(registration.status),
        "keypoints_missing": registration.status.count(KeypointStatus.MISSING),
        "keypoints_not_needed": registration.status.count(KeypointStatus.NOT_NEEDED),
        "fre_mm": registration.fre,
        "predicted_tre_mm": {
            "centre": registration.predicted_tre.centre,
            "median": registration.predicted_tre.median,
            "p95": registration.predicted_tre.p95,
        },
        "similarity": {"before": registration.similarity.before, "after": registration.similarity.after},
        "refined": registration.refined,
        "seconds": {stage: round(float(value), 3) for stage, value in _stages(registration, seconds).items()},
        "device": registration.device,
        "model": {
            "name": registration.model.name,
            "version": registration.model.version,
            "sha256": registration.model.sha256,
        },
        "warnings": list(registration.warnings),
    }
    return {key: _strict(value) for key, value in content.items()}


def report_text(content: dict) -> str:
    """A report as strict JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def keypoints_table(registration: Registration) -> str:
    """One line per keypoint as CSV.  Positions are RAS mm: in the fixed scan, in the moving scan as it came, and after."""
    columns = ["index", "label", "status", "weight", "residual_mm"]
    for side in ("fixed", "moving"):
        columns += [f"{side}_r", f"{side}_a", f"{side}_s", f"{side}_presence", f"{side}_spread_mm"]
    columns += ["aligned_r", "aligned_a", "aligned_s", "reason"]
    aligned = registration.moving_keypoints.moved(registration.moving_to_fixed).positions
    residuals, lines = pair_distances(registration), []
    for k, label in enumerate(registration.fixed_keypoints.labels):
        line = [k, label, registration.status[k].value, round(float(registration.weights[k]), 6), _number(residuals[k])]
        for keypoints in (registration.fixed_keypoints, registration.moving_keypoints):
            line += [_number(value) for value in keypoints.positions[k]]
            line += [_number(keypoints.presence[k]), _number(keypoints.spread[k])]
        line += [_number(value) for value in aligned[k]] + [registration.exclusion_reasons[k]]
        lines.append(line)
    return table_text(columns, lines)


def summary(content: dict) -> str:
    """What a person wants to know of a report, in a few lines."""
    tre, similarity = content["predicted_tre_mm"], content["similarity"]
    expected = (
        f"error {_words(tre['centre'])} mm at the centre, {_words(tre['median'])} mm typical, "
        f"up to {_words(tre['p95'])} mm in 95 % of places"
    )
    if content["trust"]["level"] == TrustLevel.DO_NOT_TRUST.value:
        expected = "error cannot be predicted for an alignment that is not to be trusted"
    lines = [
        f"Alignment    {content['transform_type']}: {content['description']}",
        f"Keypoints    {content['keypoints_used']} of {content['keypoints_total']} used, "
        f"{_words(content['fre_mm'])} mm apart after alignment (root mean square)",
        f"Expected     {expected}",
        f"Similarity   {_words(similarity['before'])} before, {_words(similarity['after'])} after "
        "(normalised mutual information, 1 to 2)",
        f"Trust        {content['trust']['level']}",
    ]
    if content["trust"]["level"] != TrustLevel.GOOD.value:
        lines += [f"             {reason}" for reason in content["trust"]["reasons"]]
    costs = ", ".join(f"{stage} {value:.1f}" for stage, value in content["seconds"].items() if stage != "total")
    return "\n".join([*lines, f"Seconds      {content['seconds']['total']:.1f} in all ({costs})"])


def _stages(registration: Registration, seconds: Mapping[str, float]) -> dict[str, float]:
    known = {**registration.seconds, **seconds}
    return {stage: known.get(stage, 0.0) for stage in STAGES} | {k: v for k, v in known.items() if k not in STAGES}


def _strict(value: object) -> object:
    """``value`` with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _number(value: float) -> float | str:
    """A number for a table; nothing where it does not exist.  A text that begins with a minus would be quoted."""
    return round(float(value), 4) if math.isfinite(value) else ""


def _words(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
