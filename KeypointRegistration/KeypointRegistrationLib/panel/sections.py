"""The sections of the panel below the run, in working order."""

from __future__ import annotations

from .annotate import AnnotateSection
from .compare import CompareSection
from .correct import CorrectSection
from .keypoints import KeypointsSection
from .result import ResultSection
from .section import Section
from .use import UseSection

SECTIONS: tuple[type[Section], ...] = (
    ResultSection,
    KeypointsSection,
    CompareSection,
    CorrectSection,
    UseSection,
    AnnotateSection,
)
