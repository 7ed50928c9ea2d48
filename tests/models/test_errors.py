from __future__ import annotations

import pytest

from napari_cvdm.models import ModelError
from napari_cvdm.models.store import load_model


def test_a_caller_who_knows_only_value_errors_catches_it() -> None:
    with pytest.raises(ValueError, match="no-such-model") as caught:
        load_model("no-such-model")
    assert caught.type is ModelError
