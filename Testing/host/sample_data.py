"""Slicer's SampleData module: what is offered for download.  Nothing is ever downloaded here."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """One entry of a category."""

    category: str
    sampleName: str
    thumbnailFileName: str
    uris: list[str]
    fileNames: list[str]
    nodeNames: list[str]
    checksums: list[str]


class SampleDataLogic:
    """As in Slicer 5.10.  Any other keyword is a TypeError, as there; so are fields of different lengths."""

    sources: list[Source]
    categories: dict[str, str]

    @classmethod
    def registerCustomSampleDataSource(
        cls,
        category: str = "Custom",
        sampleName: Any = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: Any = None,
        loadFileType: Any = "VolumeFile",
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
    ) -> None:
        if not len(uris) == len(fileNames) == len(nodeNames) == len(checksums):
            raise ValueError("All fields of sample data source must have the same length")
        source = Source(category, sampleName, thumbnailFileName, uris, fileNames, nodeNames, checksums)
        if source not in cls.sources:
            cls.sources.append(source)


def sample_data_module(newer: bool) -> types.ModuleType:
    """The module as in Slicer 5.10, or, where ``newer``, as from 5.12 on."""
    members: dict[str, Any] = {"sources": [], "categories": {}}
    logic = type("SampleDataLogic", (SampleDataLogic,), members)
    if newer:

        def register_category(category: str, title: str) -> None:
            logic.categories[category] = title

        logic.registerCustomSampleDataCategory = staticmethod(register_category)
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = logic
    return module
