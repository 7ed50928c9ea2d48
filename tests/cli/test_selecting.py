import pytest

from napari_cvdm.cli.selecting import parse_channels, parse_planes, parse_region, settle_draws


def test_channels() -> None:
    assert parse_channels(None) is None
    assert parse_channels("2") == [2]
    assert parse_channels("0, 2") == [0, 2]
    with pytest.raises(ValueError, match="--channels takes"):
        parse_channels("red")


def test_planes() -> None:
    assert parse_planes([]) is None
    assert parse_planes(["T=3", "z = 2:5"]) == {"T": 3, "Z": slice(2, 5)}
    assert parse_planes(["T=3,Z=0", "2=1:3"]) == {"T": 3, "Z": 0, 2: slice(1, 3)}
    with pytest.raises(ValueError, match="twice"):
        parse_planes(["T=3", "t=4"])
    with pytest.raises(ValueError, match="axis 0 twice"):
        parse_planes(["0=3,00=4"])


@pytest.mark.parametrize("text", ["3", "T", "T=", "T=a", "TZ=3", "T=1:", "T=-1", ""])
def test_planes_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="--plane takes"):
        parse_planes([text])


def test_region() -> None:
    assert parse_region(None) is None
    assert parse_region("0:512, 100:612") == ((0, 512), (100, 612))
    with pytest.raises(ValueError, match="--roi takes"):
        parse_region("0:512")


@pytest.mark.parametrize(
    ("asked", "settled"),
    [
        ((None, None, None, False), (8, False)),
        (("thorough", None, 5, False), (24, False)),
        (("thorough", 4, None, False), (4, False)),
        ((None, 0, None, False), (0, False)),  # to be refused with the number
        (("preview", None, None, False), (0, True)),
        (("standard", None, None, True), (0, True)),
    ],
)
def test_draws_are_the_users_or_else_the_presets(
    asked: tuple[str | None, int | None, int | None, bool], settled: tuple[int, bool]
) -> None:
    assert settle_draws(*asked) == settled


@pytest.mark.parametrize(("preset", "preview"), [("preview", False), (None, True)])
def test_a_preview_has_none(preset: str | None, preview: bool) -> None:
    with pytest.raises(ValueError, match="leave out --draws and --steps, or the preview"):
        settle_draws(preset, 4, 2, preview)
