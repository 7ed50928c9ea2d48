"""What holds for every test: private folders, one Qt binding, no writes to the viewer from another thread."""

import os
import tempfile
from functools import partial

import pytest

# Set before the folders' own conftest modules import napari, which looks at these once: a test must see
# neither the user's settings nor the models in the user's cache, and must leave nothing there. HOME stays:
# Python may be installed under it.
_PRIVATE = tempfile.TemporaryDirectory(prefix="napari-cvdm-tests-")
for _variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
    os.environ[_variable] = os.path.join(_PRIVATE.name, _variable.lower())  # noqa: PTH118
if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes that run side by side would fight for the processors with all of torch's threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NAPARI_CONFIG"] = ""  # napari keeps its settings in memory
os.environ["QT_API"] = "pyqt6"
os.environ["NAPARI_ENSURE_PLUGIN_MAIN_THREAD"] = "1"


def pytest_configure(config: pytest.Config) -> None:
    config.add_cleanup(_PRIVATE.cleanup)


@pytest.fixture
def short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deconvolve pairs in two ways alone: the search for the best takes seconds, and has tests of its own."""
    from napari_cvdm.assessment import baselines, pairs

    search = partial(baselines.best_richardson_lucy, sigmas=(2.9,), iterations=(10, 20))
    monkeypatch.setattr(pairs, "best_richardson_lucy", search)
