from napari_cvdm.reference.errors import WeightsFileError


def test_it_is_caught_as_a_value_error() -> None:
    assert issubclass(WeightsFileError, ValueError)
