"""Transforms over time as one file that Slicer opens as a sequence: a bundle of a small scene and a file per transform."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..outputs import transform_text

_NAME = "moving to fixed"


def write_transform_sequence(
    path: Path, matrices: Sequence[NDArray[np.float64] | None], values: Sequence[str], unit: str
) -> None:
    """Write 4×4 moving → fixed matrices (RAS mm) as a .seq.mrb file; ``values`` tell when each is, in ``unit``.

    Frames without a matrix are left out: where Slicer shows such a frame, the transform stays that of the one before.
    """
    found = [(matrix, value) for matrix, value in zip(matrices, values, strict=True) if matrix is not None]
    top = path.name.removesuffix(".mrb")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for number, (matrix, _) in enumerate(found, start=1):
            bundle.writestr(f"{top}/{_data_name(number)}", transform_text(matrix))
        bundle.writestr(f"{top}/{top}.mrml", _scene([value for _, value in found], unit))


def index_values(times: Sequence[float]) -> list[str]:
    """Times as the texts by which Slicer matches the items of sequences with each other."""
    return [f"{time:.10g}" for time in times]


def _data_name(number: int) -> str:
    return f"Data/frame_{number}.tfm"


def _scene(values: list[str], unit: str) -> str:
    """What Slicer's own writer of such bundles leaves in them, with nothing that is not needed."""
    name, numbers = "time" if unit else "frame", range(1, len(values) + 1)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<MRML version="Slicer 5.0.0" userTags="">']
    for number in numbers:
        lines += [
            f'<Transform id="vtkMRMLTransformNode{number}" name="{_NAME}" '
            f'references="storage:vtkMRMLTransformStorageNode{number};"></Transform>',
            f'<TransformStorage id="vtkMRMLTransformStorageNode{number}" name="TransformStorage" hideFromEditors="true" '
            f'fileName="{_data_name(number)}"></TransformStorage>',
        ]
    index = ";".join(f"vtkMRMLTransformNode{number}:{value}" for number, value in zip(numbers, values, strict=True))
    lines.append(
        '<Sequence id="vtkMRMLSequenceNodeSequenceIndex" name="Sequence" singletonTag="SequenceIndex" '
        f'indexName="{name}" indexUnit="{unit}" indexType="numeric" indexValues="{index}"></Sequence>'
    )
    return "\n".join([*lines, "</MRML>", ""])
