"""The application's settings, with the types that they come back with."""

from __future__ import annotations

from typing import Any, ClassVar


class QSettings:
    """Settings of the user: values keep their types until the application is started again."""

    store: ClassVar[dict[str, Any]] = {}

    def __init__(self, *_file: Any) -> None:
        self._groups: list[str] = []

    @classmethod
    def restart(cls) -> None:
        """What the next start of the application finds: the settings as read from their text file."""
        cls.store.update({key: _as_read(value) for key, value in cls.store.items()})

    def value(self, key: str, default: Any = None, /) -> Any:
        return self.store.get(self._path(key), default)

    def setValue(self, key: str, value: Any, /) -> None:
        self.store[self._path(key)] = tuple(value) if isinstance(value, list) else value

    def contains(self, key: str, /) -> bool:
        return self._path(key) in self.store

    def remove(self, key: str, /) -> None:
        path = self._path(key)
        for known in [known for known in self.store if known == path or known.startswith(f"{path}/")]:
            del self.store[known]

    def beginGroup(self, prefix: str, /) -> None:
        self._groups.append(prefix)

    def endGroup(self) -> None:
        self._groups.pop()

    def allKeys(self) -> tuple[str, ...]:
        prefix = self._path("")
        return tuple(known.removeprefix(prefix) for known in self.store if known.startswith(prefix))

    def sync(self) -> None: ...

    def _path(self, key: str) -> str:
        return "/".join([*self._groups, key])


def _as_read(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, tuple):  # an empty list is not written, and one entry cannot be told from a text
        texts = tuple(str(entry) for entry in value)
        return None if not texts else texts if len(texts) > 1 else texts[0]
    return value
