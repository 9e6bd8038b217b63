"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import slicer
    from host.application import Application
    from KeypointRegistrationLib.worker.client import WorkerClient
    from panel_session import Session

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans beside the repository; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real scans in ../shared/data")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "provokes_problems: the application's log may hold errors after the test")


@pytest.fixture
def application(request: pytest.FixtureRequest) -> Iterator[Application]:
    """The running application.  A user would find nothing wrong in its log, unless the test is about that."""
    from host.application import Application

    with Application() as running:
        yield running
        if request.node.get_closest_marker("provokes_problems") is None:
            assert running.problems == []


@pytest.fixture
def qt(application: Application) -> Any:
    """The application's module of Qt."""
    import qt

    return qt


@pytest.fixture
def scene() -> Iterator[slicer.vtkMRMLScene]:
    """An empty scene, with Slicer's own module logics."""
    from host.mrml import RealScene

    with RealScene() as host:
        yield host.scene


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model ``tiny``, in the place of the bundled ones."""
    from KeypointRegistrationLib.detection import bundle
    from tiny_model import write_tiny_bundle

    folder = tmp_path / "models"
    write_tiny_bundle(folder)
    monkeypatch.setattr(bundle, "models_folder", lambda: folder)
    return folder


@pytest.fixture
def panel_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of two small models that the panel offers instead of the bundled ones."""
    from KeypointRegistrationLib.detection import bundle
    from panel_session import write_two_models

    folder = tmp_path / "models"
    write_two_models(folder)
    monkeypatch.setattr(bundle, "models_folder", lambda: folder)
    return folder


@pytest.fixture(scope="session")
def made_up_result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a made-up result with heatmaps."""
    from KeypointRegistrationLib.files.archive import save_registration
    from samples import sample_registration

    path = tmp_path_factory.mktemp("result") / "result.npz"
    save_registration(path, sample_registration())
    return path


@pytest.fixture
def session(application: Application, made_up_result: Path, panel_models: Path) -> Session:
    """A person at the panel."""
    from panel_session import Session

    return Session(application, made_up_result)


@pytest.fixture
def client_of() -> Iterator[Callable[[list[str]], WorkerClient]]:
    """Makes clients of a worker's command, and closes them after the test."""
    from KeypointRegistrationLib.worker.client import WorkerClient

    made: list[WorkerClient] = []

    def make(command: list[str]) -> WorkerClient:
        made.append(WorkerClient(lambda: command))
        return made[-1]

    yield make
    for client in made:
        client.close()
