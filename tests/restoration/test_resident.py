"""The model in a worker process: by reference, once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_cvdm.models import PretrainedModel, load_model, save_model
from napari_cvdm.models.errors import ModelError
from napari_cvdm.restoration import resident
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.resident import (
    EngineSpec,
    ModelReference,
    in_one_thread,
    load_referenced,
    reference_to,
    resident_engine,
)

SPEC = EngineSpec("cpu", "auto", PosteriorSettings())


@pytest.fixture
def stored(model: PretrainedModel, tmp_path: Path) -> PretrainedModel:
    return load_model(save_model(tmp_path / "tiny.safetensors", model.network, model.card))


@pytest.fixture(autouse=True)
def _empty_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "_engines", type(resident._engines)())


class TestReference:
    def test_says_where_and_which(self, stored: PretrainedModel) -> None:
        assert reference_to(stored) == ModelReference("tiny", stored.sha256, str(stored.path))

    def test_of_a_model_in_memory_is_the_model(self, model: PretrainedModel) -> None:
        assert reference_to(model) is model

    def test_of_a_model_whose_copy_was_trained_on_is_the_model(self, stored: PretrainedModel) -> None:
        network = deepcopy(stored.network)
        assert isinstance(reference_to(replace(stored, network=network)), ModelReference)
        with torch.no_grad():
            network.mean_network.head.bias += 0.1
        changed = replace(stored, network=network)
        assert reference_to(changed) is changed

    def test_of_a_model_that_was_trained_on_itself_is_the_model(
        self, stored: PretrainedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("napari_cvdm.models.store._loaded", {})  # whose network other tests would get
        changed = load_model(stored.path)
        changed.network.mean_network.head.bias.data += 0.1
        assert reference_to(changed) is changed

    def test_of_a_model_whose_file_is_another_one_by_now_is_the_model(self, stored: PretrainedModel) -> None:
        other = replace(stored.card, description="Another file.")
        save_model(stored.path, stored.network, other)
        assert reference_to(stored) is stored

    def test_another_file_in_its_place_is_refused(self, stored: PretrainedModel) -> None:
        reference = replace(reference_to(stored), sha256="0" * 64)
        with pytest.raises(ModelError, match="sha256"):
            load_referenced(reference)

    def test_a_worker_without_the_file_looks_into_its_own_store(self, tmp_path: Path) -> None:
        default = load_model()
        reference = ModelReference(default.name, default.sha256, str(tmp_path / "elsewhere"))
        assert load_referenced(reference).sha256 == default.sha256

    def test_a_worker_with_another_model_of_that_name_says_so(self, tmp_path: Path) -> None:
        reference = ModelReference(load_model().name, "0" * 64, str(tmp_path / "elsewhere"))
        with pytest.raises(ModelError, match="another one"):
            load_referenced(reference)

    def test_a_worker_without_the_model_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="all workers share"):
            load_referenced(ModelReference("no-such-model", "0" * 64, str(tmp_path / "elsewhere")))


class TestResidentEngine:
    def test_is_loaded_once(self, stored: PretrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
        loads = []
        monkeypatch.setattr(
            resident,
            "load_referenced",
            lambda reference: loads.append(reference) or load_referenced(reference),
        )
        reference = reference_to(stored)
        with resident_engine(reference, SPEC) as first:
            pass
        with resident_engine(reference, SPEC) as second:
            assert second is first
        assert loads == [reference]

    def test_differs_between_models_and_settings(
        self, stored: PretrainedModel, model: PretrainedModel
    ) -> None:
        with resident_engine(reference_to(stored), SPEC) as first:
            pass
        with resident_engine(model, SPEC) as second:
            assert second is not first
        with resident_engine(model, replace(SPEC, tile=8)) as third:
            assert third is not second

    def test_few_are_kept_those_used_last(self, model: PretrainedModel) -> None:
        engines: dict[int, object] = {}
        for tile in (8, 16, 8, 24, 8):
            with resident_engine(model, replace(SPEC, tile=tile)) as engine:
                assert engines.setdefault(tile, engine) is engine
        assert len(resident._engines) == 2

    def test_of_a_model_that_is_loaded_shares_its_file(self, stored: PretrainedModel) -> None:
        assert load_referenced(reference_to(stored)).network is stored.network

    def test_are_given_up_when_idle(self, stored: PretrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resident, "_IDLE_SECONDS", 0.05)
        with resident_engine(reference_to(stored), SPEC):
            time.sleep(0.2)
            assert resident._engines
        deadline = time.monotonic() + 60
        while resident._engines and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not resident._engines


class TestOneThread:
    def test_is_the_same_for_all_that_call(self) -> None:
        with ThreadPoolExecutor(4) as pool:
            used = set(pool.map(lambda _: in_one_thread(threading.get_ident), range(16)))
        assert len(used) == 1
        assert threading.get_ident() not in used

    def test_is_the_main_thread_if_that_one_calls(self) -> None:
        assert in_one_thread(threading.get_ident) == threading.get_ident()

    def test_passes_on_what_goes_wrong_and_works_on(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            failed = pool.submit(in_one_thread, lambda: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                failed.result(timeout=60)
            assert pool.submit(in_one_thread, lambda: 7).result(timeout=60) == 7
