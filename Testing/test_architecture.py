"""The walls of the house, read from the imports: who may use whom, and what Slicer's own process may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE = REPOSITORY / "KeypointRegistration"
LIBRARY = MODULE / "KeypointRegistrationLib"
FACE = MODULE / "KeypointRegistration.py"

#: Which rooms each room may use.  Arrows run one way: panel → scene → registration → detection → geometry.
CORE = {"geometry", "detection", "registration"}
MAY_USE = {
    "geometry": set(),
    "detection": {"geometry"},
    "registration": {"geometry", "detection"},
    "review": CORE,
    "files": CORE | {"review"},
    "scene": CORE | {"review"},
    "worker": {"geometry"},  # for its InputError
    "panel": CORE | {"review", "files", "scene", "worker"},
    "training": CORE | {"files"},
    "evaluation": CORE | {"files", "worker", "training"},
    "commands": CORE | {"review", "files", "training", "evaluation"},
}

#: Processes of their own, which use every room they need.
ENTRIES = {
    "worker/service.py": CORE | {"files"},
    "worker/tracking.py": CORE | {"files"},
    "__main__.py": {"commands"} | CORE,
}

#: Who may import what else.  The application's own services (translation, dialogs, parameter node) are the panel's too.
OWNERS = {
    "torch": {"detection", "training"},
    "safetensors": {"detection", "training"},
    "slicer": {"scene", "panel"},
    "vtk": {"scene", "files"},
    "vtkmodules": {"scene", "files"},
    "qt": {"panel"},
    "ctk": {"panel"},
    "SimpleITK": {"files", "evaluation"},
    "numpy": set(MAY_USE) - {"worker"},
    "scipy": {"geometry", "detection", "registration", "files", "training", "evaluation"},
    "ants": {"evaluation"},
    "itk": {"evaluation"},
    "picsl_greedy": {"evaluation"},
    "tqdm": {"training", "evaluation", "commands"},
    "tomli": {"training"},
    "e3nn": {"training"},
    "matplotlib": {"training"},
    "distributed": {"commands"},
}

#: What comes with Slicer, and may be imported as a file of the module is loaded.
WITH_SLICER = {"numpy", "scipy", "slicer", "qt", "ctk", "vtk", "vtkmodules"}


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and whether it is imported as the file is loaded."""

    name: str
    at_load: bool
    line: int


def imports_of(path: Path) -> Iterator[Import]:
    """All imports of a file, also those inside functions, except for type checkers."""
    package = path.relative_to(MODULE).with_suffix("").parts[:-1]

    def visit(node: ast.AST, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, at_load, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) + 1 - child.level] if child.level else ()
                stem = ".".join([*base, *([child.module] if child.module else [])])
                yield Import(stem, at_load, child.lineno)
                yield from (Import(f"{stem}.{alias.name}", at_load, child.lineno) for alias in child.names)
            else:
                yield from visit(child, at_load and not inside_function)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), True)


def room_of(module_name: str) -> str | None:
    """The room of a module of the library, or None for one outside."""
    parts = module_name.split(".")
    return parts[1] if parts[0] == LIBRARY.name and len(parts) > 1 else None


def files() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def label(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


@pytest.mark.parametrize("path", files(), ids=label)
def test_a_room_uses_only_the_rooms_below_it(path: Path) -> None:
    room = path.relative_to(LIBRARY).parts[0]
    allowed = ENTRIES.get(label(path)) or MAY_USE.get(room, set())
    for entry in imports_of(path):
        other = room_of(entry.name)
        assert other is None or other == room or other in allowed | {"__version__"}, f"{path}:{entry.line}: {entry.name}"


@pytest.mark.parametrize("path", files(), ids=label)
def test_what_is_not_of_the_standard_library_belongs_to_the_rooms_that_own_it(path: Path) -> None:
    room = path.relative_to(LIBRARY).parts[0]
    for entry in imports_of(path):
        top = entry.name.split(".")[0]
        if top in sys.stdlib_module_names or top == LIBRARY.name:
            continue
        is_border = (top, label(path)) in {("PyTorchUtils", "panel/torch_setup.py"), ("SampleData", "panel/sample_data.py")}
        assert is_border or room in OWNERS.get(top, set()), f"{path}:{entry.line}: {room} may not import {top}"


def loaded_by_the_face() -> dict[Path, list[Import]]:
    """Every file that loading the module loads, with what it imports then."""
    loaded: dict[Path, list[Import]] = {}
    waiting = [FACE]
    while waiting:
        path = waiting.pop()
        if path in loaded:
            continue
        loaded[path] = [entry for entry in imports_of(path) if entry.at_load]
        for entry in loaded[path]:
            relative = MODULE.joinpath(*entry.name.split("."))
            packages = [parent / "__init__.py" for parent in (relative, *relative.parents) if parent.is_relative_to(LIBRARY)]
            waiting += [candidate for candidate in (relative.with_suffix(".py"), *packages) if candidate.is_file()]
    return loaded


def test_loading_the_module_imports_only_what_comes_with_slicer() -> None:
    loaded = loaded_by_the_face()
    assert LIBRARY / "scene" / "results" / "adding.py" in loaded  # the search does reach the rooms
    for path, entries in loaded.items():
        for entry in entries:
            top = entry.name.split(".")[0]
            own = top in (LIBRARY.name, *WITH_SLICER) or top in sys.stdlib_module_names
            assert own, f"{path}:{entry.line} imports {top} as the module is loaded"


def test_the_face_stays_a_face() -> None:
    assert len(FACE.read_text(encoding="utf-8").splitlines()) <= 600


@pytest.mark.parametrize("path", [FACE, *files()], ids=lambda path: path.name)
def test_a_file_has_one_subject_and_a_readable_length(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{path} does not say what it is about"
    assert len(text.splitlines()) <= 600


def test_nothing_is_written_directly_into_the_module_folder_but_the_module() -> None:
    """Slicer takes every Python file in a module's folder for a module."""
    assert [path.name for path in MODULE.glob("*.py")] == [FACE.name]


def test_slicers_own_process_never_loads_torch() -> None:
    """The face, the panel and the scene layer, loaded and opened in a process of its own."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from pathlib import Path\n"
        "from host.application import Application\n"
        "with Application() as application:\n"
        "    application.open_panel(Path(sys.argv[2]) / 'KeypointRegistration.py')\n"
        "    import KeypointRegistrationLib.scene.results, KeypointRegistrationLib.worker.client\n"
        "    assert 'torch' not in sys.modules and 'SimpleITK' not in sys.modules\n"
        "    print('opened')"
    )
    command = [sys.executable, "-c", script, str(REPOSITORY / "Testing"), str(MODULE)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "opened", result.stderr
