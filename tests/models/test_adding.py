"""Models of the user's own: remembered under a name, or refused without a trace."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytest_httpserver import HTTPServer
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, ModelError, add_model, list_models, load_model, save_model
from napari_cvdm.models.adding import remember_address
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import RegistryEntry, read_registry
from napari_cvdm.models.weights import METADATA_KEY

pytestmark = pytest.mark.usefixtures("cache", "no_waiting")

MakeCard = Callable[..., ModelCard]


def mine() -> list[str]:
    return [model.name for model in list_models() if model.location == "added"]


def contents(cache: Path) -> set[str]:
    """What is kept, apart from the lock of the list."""
    folder = cache / "added"
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"} if folder.exists() else set()


def refusal(source: str | Path, cache: Path, **more: Any) -> str:
    """The one line with which a model is refused; nothing may be left of it."""
    before = contents(cache)
    with pytest.raises(ModelError) as caught:
        add_model(source, **more)
    assert contents(cache) == before
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


class TestNames:
    def test_the_card_has_one(self, weights: Path, cache: Path) -> None:
        assert add_model(weights) == "tiny"
        kept = f"{file_sha256(weights)[:40]}.safetensors"
        assert contents(cache) == {"models.json", kept}
        assert (cache / "added" / kept).read_bytes() == weights.read_bytes()
        assert (cache / "added" / kept).stat().st_mode & 0o777 == 0o644
        weights.unlink()  # from now on the copy is what counts
        assert load_model("tiny").name == "tiny"

    def test_can_be_chosen(self, weights: Path) -> None:
        assert add_model(str(weights), "my-net") == "my-net"
        assert load_model("my-net").name == "my-net"
        assert mine() == ["my-net"]

    def test_of_the_same_file_stay_one(self, weights: Path, tmp_path: Path) -> None:
        copy = shutil.copy(weights, tmp_path / "copy.safetensors")
        assert add_model(weights, "first") == "first"
        assert add_model(copy) == "first"
        assert mine() == ["first"]
        assert add_model(copy, "second") == "second"
        assert mine() == ["first", "second"]

    def test_that_are_taken_get_a_number(
        self, weights: Path, tmp_path: Path, network: CVDM, make_card: MakeCard
    ) -> None:
        published = read_registry().find("default").name
        card = make_card(name=published)
        other = save_model(tmp_path / "a.safetensors", network, card)
        another = save_model(tmp_path / "b.safetensors", network, make_card(name=published, licence="MIT"))
        assert add_model(other) == f"{published}-2"
        assert add_model(another) == f"{published}-3"

    def test_that_were_chosen_are_not_given_twice(
        self, weights: Path, tmp_path: Path, cache: Path, network: CVDM, make_card: MakeCard
    ) -> None:
        add_model(weights, "net")
        other = save_model(tmp_path / "o.safetensors", network, make_card(description="Another."))
        assert "another model named 'net'" in refusal(other, cache, name="net")
        assert add_model(weights, "net") == "net"

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "c:x",
            "/x",
            "a\0b",
            "NUL",
            "com1.x",
            "x.",
            "x" * 65,
            "x\u202e",
            "ｘ",
        ],
    )
    def test_that_could_lead_elsewhere_are_refused(self, name: str, weights: Path, cache: Path) -> None:
        message = refusal(weights, cache, name=name)
        assert "cannot be a model name" in message
        assert message.isprintable()

    @pytest.mark.parametrize("name", ["default", read_registry().find("default").name])
    def test_of_published_models_are_refused(self, name: str, weights: Path, cache: Path) -> None:
        assert "published model" in refusal(weights, cache, name=name)


class TestKerasFiles:
    """The files that the authors' code writes are converted; how right, `test_keras_import.py` says."""

    SOURCE = Path(__file__).parents[1] / "data" / "reference" / "small_unet_3to1.h5"

    def test_are_converted_and_remembered(self, cache: Path) -> None:
        name = add_model(self.SOURCE)
        assert name == "small_unet_3to1"
        (listed,) = (model for model in list_models() if model.name == name)
        assert listed.origin == str(self.SOURCE)
        assert listed.path is not None
        assert listed.path.suffix == ".safetensors"
        assert load_model(name).card.architecture["kind"] == "cvdm-reference"

    def test_are_known_by_their_contents_and_take_options(self, tmp_path: Path) -> None:
        copy = shutil.copy(self.SOURCE, tmp_path / "weights")
        assert add_model(copy, "lab-net", conversion={"steps": 30}) == "lab-net"
        assert load_model("lab-net").card.default_steps == 30


class TestHostileFiles:
    """Some of those in `test_weights.py` and `test_safetensors_header.py`: nothing of them is kept."""

    @pytest.fixture
    def rewrite(self, weights: Path) -> Callable[..., Path]:
        def change(card: dict[str, Any] | None = None, **tensors: torch.Tensor | None) -> Path:
            with safe_open(weights, framework="pt") as file:
                values = json.loads(file.metadata()[METADATA_KEY])
            state = load_file(weights)
            for name, tensor in tensors.items():
                key = next(iter(state)) if name == "first" else name
                if tensor is None:
                    del state[key]
                else:
                    state[key] = tensor
            save_file(state, weights, metadata={METADATA_KEY: json.dumps({**values, **(card or {})})})
            return weights

        return change

    def test_missing_tensors(self, rewrite: Callable[..., Path], cache: Path) -> None:
        assert "lacks 1 of the network's" in refusal(rewrite(first=None), cache)

    def test_numbers_that_are_none(self, rewrite: Callable[..., Path], weights: Path, cache: Path) -> None:
        shape = next(iter(load_file(weights).values())).shape
        assert "not finite numbers" in refusal(rewrite(first=torch.full(shape, float("nan"))), cache)

    def test_a_card_of_something_else(self, rewrite: Callable[..., Path], cache: Path) -> None:
        assert "cannot be a model name" in refusal(rewrite({"name": "../../x"}), cache)
        assert "update napari-cvdm" in refusal(rewrite({"format_version": 99}), cache)

    @pytest.mark.parametrize(
        "data",
        [b"\x80\x04\x95", b"\x89HDF\r\n\x1a\n" + bytes(100)],
    )
    def test_other_kinds_of_files(self, data: bytes, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "x.safetensors"
        path.write_bytes(data)
        assert str(path) in refusal(path, cache)

    def test_no_file_at_all(self, tmp_path: Path, cache: Path) -> None:
        for source in (
            tmp_path,
            tmp_path / "absent.safetensors",
            "x" * 10_000,
            "a\0b",
            "",
            "~nobody-here/x.h5",
        ):
            assert "There is no model file" in refusal(source, cache)

    def test_a_file_with_another_hash(self, weights: Path, cache: Path) -> None:
        assert "is not the expected file" in refusal(weights, cache, sha256="ab" * 32)
        assert "64 hexadecimal digits" in refusal(weights, cache, sha256="abc")
        assert add_model(weights, sha256=f" {file_sha256(weights).upper()}\n") == "tiny"

    def test_words_about_keras_for_a_file_that_is_none(self, weights: Path, cache: Path) -> None:
        assert "is no Keras .h5 file" in refusal(weights, cache, conversion={"mean_path": weights})


class TestAddresses:
    def test_need_a_hash(self, cache: Path) -> None:
        message = refusal("https://me:secret@example.org/net.safetensors?token=x", cache)
        assert "models add https://example.org/net.safetensors --sha256 HASH" in message

    @pytest.mark.parametrize("url", ["http://example.org/x", "ftp://example.org/x", "http://[::1/x"])
    def test_of_other_kinds_are_not_used(self, url: str, cache: Path) -> None:
        assert "https:// address or a DOI" in refusal(url, cache, sha256="ab" * 32)

    def test_are_remembered_without_their_secrets(
        self, httpserver: HTTPServer, weights: Path, cache: Path
    ) -> None:
        httpserver.expect_request("/net").respond_with_data(weights.read_bytes())
        url = httpserver.url_for("/net?token=hush")
        assert add_model(url, sha256=file_sha256(weights)) == "tiny"
        (listed,) = (model for model in list_models() if model.name == "tiny")
        assert listed.origin == httpserver.url_for("/net")
        assert "hush" not in (cache / "added" / "models.json").read_text()

    def test_with_a_hostile_file_are_named_in_the_refusal(
        self, httpserver: HTTPServer, tmp_path: Path, cache: Path
    ) -> None:
        (tmp_path / "x").write_bytes(b"\x80\x04pickle")
        httpserver.expect_request("/net.safetensors").respond_with_data(b"\x80\x04pickle")
        url = httpserver.url_for("/net.safetensors")
        message = refusal(url, cache, sha256=file_sha256(tmp_path / "x"))
        assert message.startswith(f"{url} is neither a safetensors nor an HDF5 file")

    def test_that_lead_to_a_wrong_file_leave_nothing(
        self, httpserver: HTTPServer, weights: Path, cache: Path
    ) -> None:
        httpserver.expect_request("/net").respond_with_data(weights.read_bytes())
        message = refusal(httpserver.url_for("/net"), cache, sha256="ab" * 32)
        assert "its sha256 is not the expected one" in message

    def test_are_fetched_once_and_again_when_the_copy_is_gone(
        self, httpserver: HTTPServer, weights: Path, cache: Path, publish: Callable[..., RegistryEntry]
    ) -> None:
        httpserver.expect_request("/net").respond_with_data(weights.read_bytes())
        url, sha256 = httpserver.url_for("/net"), file_sha256(weights)
        publish(name="other")
        for _ in range(2):
            assert remember_address(url, sha256) == "tiny"
        assert len(httpserver.log) == 1
        (cache / "added" / f"{sha256[:40]}.safetensors").unlink()
        assert remember_address(url, sha256) == "tiny"
        assert len(httpserver.log) == 2
        assert load_model("tiny").sha256 == sha256


class TestTheFolder:
    def test_on_a_full_disk_stays_as_it_was(
        self, weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("shutil.copyfile", full)
            assert "No space left on device" in refusal(weights, cache)
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)  # the copy fits, the list does not
            assert "No space left on device" in refusal(weights, cache)
        assert mine() == []

    def test_that_cannot_be_written_to_is_said(
        self, weights: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("NAPARI_CVDM_ADDED", str(tmp_path / "file" / "models"))
        assert "name another folder with NAPARI_CVDM_ADDED" in refusal(weights, cache)

    def test_is_cleared_of_what_a_killed_program_has_left(self, weights: Path, cache: Path) -> None:
        left = cache / "added" / ".napari-cvdm-left"
        left.mkdir(parents=True)
        os.utime(left, (0, 0))
        add_model(weights)
        assert not left.exists()

    def test_repairs_a_copy_that_was_damaged(self, weights: Path, cache: Path) -> None:
        add_model(weights)
        kept = cache / "added" / f"{file_sha256(weights)[:40]}.safetensors"
        kept.write_bytes(b"damaged")
        add_model(weights)
        assert kept.read_bytes() == weights.read_bytes()


class TestWhatAStrangerWrote:
    def test_it_stays_in_its_line(self, tmp_path: Path, network: CVDM, make_card: MakeCard) -> None:
        """No escape sequence reaches a terminal, and no line looks like another model's."""
        card = make_card(description="\x1b]0;title\x07\x1b[2Jok", licence="BSD\x1b[31m\nother  (bundled)")
        add_model(save_model(tmp_path / "odd.safetensors", network, card), name="odd")
        (odd,) = (model for model in list_models() if model.name == "odd")
        assert odd.summary == "?]0;title??[2Jok"
        assert odd.entry.licence == "BSD?[31m other (bundled)"

    def test_a_folder_whose_name_is_no_unicode_will_do(self, tmp_path: Path, weights: Path) -> None:
        folder = tmp_path / os.fsdecode(b"gr\xf6n")
        try:
            folder.mkdir()
        except OSError:
            pytest.skip("this file system takes Unicode names only")
        copy = Path(shutil.copy(weights, folder / "mine.safetensors"))
        assert add_model(copy, name="mine") == "mine"
        assert load_model("mine").name == "mine"
        assert [model.origin for model in list_models() if model.name == "mine"] == [str(copy)]
