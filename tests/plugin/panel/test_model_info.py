"""What a card says is shown, and nothing in it is obeyed."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from napari_cvdm.models import ModelError, save_model
from napari_cvdm.plugin.panel.model_info import as_html, read_card


def test_the_bundled_card_is_read_without_the_weights():
    card = read_card("default")
    assert card is not None
    assert card.pixel_size_nm is not None
    html = as_html(card)
    for words in (card.name, card.licence, f"{card.pixel_size_nm[0]:g} to {card.pixel_size_nm[1]:g} nm"):
        assert words in html
    assert "<b>calibrated on held-out images<" in html


def test_what_matters_of_a_model_is_told(small_model):
    html = as_html(replace(small_model.card, training={"data": "simulated tubulin"}))
    assert "Orientations it sees" not in html
    for words in (
        "<b>2 times finer than the image<",
        "<b>3<",
        "<b>not calibrated<",
        "<li>simulated tubulin<",
    ):
        assert words in html
    assert "Orientations it sees&nbsp;&nbsp;</td><td><b>4<" in as_html(
        replace(small_model.card, posterior_orientations=4)
    )


def test_a_file_of_one_s_own_has_a_card_too(small_model, tmp_path: Path):
    path = save_model(tmp_path / "mine.safetensors", small_model.network, small_model.card)
    assert read_card(str(path)) == small_model.card


def test_a_model_that_is_not_here_has_none(tmp_path: Path):
    assert read_card(str(tmp_path / "missing.safetensors")) is None
    without = tmp_path / "without.safetensors"
    without.write_bytes(struct.pack("<Q", 2) + b"{}")
    assert read_card(str(without)) is None
    other = tmp_path / "theirs.h5"
    other.write_bytes(b"\x89HDF")
    assert read_card(str(other)) is None


def test_a_damaged_file_is_said(tmp_path: Path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(ModelError):
        read_card(str(path))


def test_a_stranger_s_card_cannot_bring_markup_along(small_model):
    evil = "<img src='http://example.org/x.png'><script>alert(1)</script>"
    card = replace(
        small_model.card,
        description=evil,
        licence=evil,
        citations=(evil,),
        ranges={evil: [evil, 1], "photons": [15, 3000]},
        training={"data": [evil]},
    )
    html = as_html(card)
    assert "<img" not in html
    assert "<script" not in html
    assert "15 to 3000" in html


def test_a_model_of_the_authors_kind_says_what_tiles_mean_there(small_model):
    theirs = {"kind": "cvdm-reference", "training_size": 128}
    html = as_html(replace(small_model.card, architecture=theirs, upscaling=1))
    assert "tiles of 128 pixels" in html
    assert "enlarge a camera image" in html
    assert "that of the image" in html
    assert "Please note" not in as_html(small_model.card)
