"""What people call the keypoints of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..geometry.errors import InputError

LONGEST_NAME = 80


@dataclass(frozen=True)
class KeypointNames:
    """Names of the K keypoints of one model, by index.

    Attributes:
        model, version: of the model bundle whose keypoints they are.
        labels: what the model itself calls them, K texts.
        names: what people call them, K texts; the model's label where nobody has given a name.

    Raises:
        InputError: if a name is empty, too long or not the only one of its kind.
    """

    model: str
    version: str
    labels: tuple[str, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.names):
            raise ValueError(f"{len(self.names)} names for {len(self.labels)} keypoints")
        given = zip(self.names, self.labels, strict=True)  # the model's own labels are as they are
        object.__setattr__(self, "names", tuple(name if name == label else _checked(name) for name, label in given))
        for k, name in enumerate(self.names):
            if name != self.labels[k] and self.names.count(name) > 1:
                other = next(i for i, text in enumerate(self.names) if text == name and i != k)
                raise InputError(f"Keypoints {other} and {k} would both be called “{name}”. Give each a name of its own.")

    @classmethod
    def of_model(cls, model: str, version: str, labels: Sequence[str]) -> KeypointNames:
        """Nobody has given a name yet."""
        return cls(model, version, tuple(labels), tuple(labels))

    def renamed(self, keypoint: int, name: str) -> KeypointNames:
        """The same with another name for keypoint k; an empty one gives the model's label back.

        Raises:
            InputError: if the name is too long, or another keypoint has it.
        """
        names = list(self.names)
        names[keypoint] = name.strip() or self.labels[keypoint]
        return replace(self, names=tuple(names))


def _checked(name: str) -> str:
    text = name.strip()
    if not text:
        raise InputError("A keypoint's name is empty. Give it one, or the model's own label.")
    if len(text) > LONGEST_NAME:
        raise InputError(f"The name “{text[:20]}…” has {len(text)} characters. Give one of at most {LONGEST_NAME}.")
    if not text.isprintable():
        raise InputError(f"The name {text!r} holds a line break or a character that cannot be shown. Give plain text.")
    return text
