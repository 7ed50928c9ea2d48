"""Forks of a process that has loaded a model and computed with several threads."""

import os
import subprocess
import sys

import pytest

# The alarm ends a fork that waits for threads which it does not have.
SCRIPT = """
import os, signal, numpy, torch
import napari_cvdm
torch.set_num_threads(2)
model = napari_cvdm.load_model()
image = numpy.arange(1024).reshape(32, 32)
napari_cvdm.restore(image, model, preview=True, device="cpu")
child = os.fork()
if child == 0:
    signal.alarm(60)
    napari_cvdm.restore(image, model, preview=True, device="cpu")
    os._exit(0 if torch.get_num_threads() == 1 else 1)
assert os.waitpid(child, 0)[1] == 0
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no forks")
def test_a_fork_computes_instead_of_waiting_for_threads_that_it_lacks() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no forks")
def test_a_fork_does_not_load_torch_for_it() -> None:
    script = """
import os, sys
from napari_cvdm.models.forking import compute_alone_when_forked
compute_alone_when_forked()
child = os.fork()
if child == 0:
    os._exit(int("torch" in sys.modules))
assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
