"""Tracking options as a command line, a message or a script says them."""

from __future__ import annotations

from ...geometry.errors import InputError
from ..options import DEVICES
from .frames import Reference
from .options import ReferenceChoice, TrackingOptions


def options_from_words(
    *, model: str = "foetal-rigid", refine: bool = True, device: str = "auto", reference: str = "first"
) -> TrackingOptions:
    """Options from words.

    Args:
        model: name of a model bundle that makes rigid alignments.
        refine: whether to refine each frame by intensities.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        reference: ``first``, ``mean`` or the number of a frame, counted from 0.

    Raises:
        InputError: if a word means nothing here.
    """
    if device not in DEVICES:
        raise InputError(f"{device} is not a device. Choose {', '.join(DEVICES)}.")
    return TrackingOptions(model, refine, device, _reference(reference))


def reference_word(choice: ReferenceChoice | int) -> str:
    """The word that ``options_from_words`` reads as this choice."""
    return choice.value if isinstance(choice, ReferenceChoice) else str(choice)


def other_head_notes(reference: Reference) -> tuple[str, ...]:
    """A sentence on the second head that is seen in the reference, if there is one."""
    if reference.other_head is None:
        return ()
    r, a, s = reference.other_head
    return (
        f"There seems to be another head in {reference.scan.name}, around R {r:.0f}, A {a:.0f}, S {s:.0f} mm, which is not "
        "followed. To follow that one, mark it with a mask or a box.",
    )


def _reference(word: str) -> ReferenceChoice | int:
    if word in [choice.value for choice in ReferenceChoice]:
        return ReferenceChoice(word)
    if not (word.isascii() and word.isdecimal()):
        raise InputError(
            f"{word} does not say what the frames are to be aligned to. "
            "Choose first, mean, or the number of a frame, counted from 0."
        )
    return int(word)
