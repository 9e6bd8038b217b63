"""The sections of the panel below the run, in working order."""

from __future__ import annotations

from .annotate import AnnotateSection
from .correct import CorrectSection
from .result import ResultSection
from .section import Section

SECTIONS: tuple[type[Section], ...] = (ResultSection, CorrectSection, AnnotateSection)
