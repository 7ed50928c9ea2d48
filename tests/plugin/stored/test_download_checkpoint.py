"""A download is given up as soon as the next piece of it has come."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.running.worker import Cancelled
from napari_cvdm.plugin.stored.download_checkpoint import DownloadCheckpoint


def test_every_piece_is_a_chance_to_cancel():
    asked: list[int] = []

    def checkpoint() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise Cancelled

    progress = DownloadCheckpoint(checkpoint)
    progress.total = 100
    progress.reset()
    progress.update(50)
    with pytest.raises(Cancelled):
        progress.update(50)
    progress.close()
    assert len(asked) == 2
