"""The training loop: reproducible, resumable after a kill at any moment, and it learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from torch import Tensor, nn

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.objective import ObjectiveTerms
from napari_cvdm.models import ModelError, load_model
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.simulation.micrographs import load_micrographs
from napari_cvdm.training import trainer as trainer_module
from napari_cvdm.training.config import ConfigError, TrainingConfig
from napari_cvdm.training.dataset import TrainingFields
from napari_cvdm.training.earlier import read_earlier
from napari_cvdm.training.export import export_model
from napari_cvdm.training.stepping import learning_rate
from napari_cvdm.training.trainer import Trainer, run_training

MakeConfig = Callable[..., TrainingConfig]

TERMS = set(ObjectiveTerms.__dataclass_fields__)


class Killed(Exception):
    """Stands for a kill: nothing after it is run."""


def quiet(line: str) -> None:
    """Take a line of the log and do nothing."""


def make_trainer(config: TrainingConfig, folder: Path, log: Callable[[str], None] = quiet) -> Trainer:
    folder.mkdir(exist_ok=True)
    return Trainer(config, None, folder, 0, log)


def weights(network: nn.Module) -> list[Tensor]:
    return [tensor.clone() for tensor in network.state_dict().values()]


def same_weights(first: Trainer, second: Trainer) -> bool:
    pairs = zip(
        weights(first.model) + weights(first.average),
        weights(second.model) + weights(second.average),
        strict=True,
    )
    return all(torch.equal(a, b) for a, b in pairs)


def read_log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def losses(folder: Path) -> dict[int, dict[str, float]]:
    """Loss terms by step, as last written."""
    return {
        entry["step"]: {name: value for name, value in entry.items() if name != "seconds"}
        for entry in read_log(folder)
        if "total" in entry
    }


@pytest.fixture
def no_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave validation out where it is not what is tested."""
    monkeypatch.setattr(trainer_module, "validation_fields", lambda *_: [])
    monkeypatch.setattr(trainer_module, "validate", lambda *_: {"psnr_mean_network": 20.0})


class TestTrainStep:
    def test_the_loss_falls_when_one_batch_is_learnt_by_heart(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        config = make_config(optimiser={"cycles": [1000], "learning_rate": 4e-3, "warmup": 5})
        trainer = make_trainer(config, tmp_path)
        x, y = TrainingFields(config.data, config.acquisition, 0, None, 1)[0]

        def squared_error() -> float:
            with torch.no_grad():
                return float((trainer.model.unfold(trainer.model.estimate(x).mean) - y).square().mean())

        before, history = squared_error(), []
        for _ in range(90):
            history.append(trainer.train_step(x, y))
            trainer.step += 1
        assert squared_error() < 0.4 * before
        assert history[-1]["scale"] < history[0]["scale"] - 0.3
        assert sum(h["noise"] for h in history[-15:]) < 0.8 * sum(h["noise"] for h in history[:15])
        assert history[-1]["total"] < history[0]["total"]

    def test_gives_every_term_the_rate_and_the_gradient(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        config = make_config()
        trainer = make_trainer(config, tmp_path)
        values = trainer.train_step(*TrainingFields(config.data, config.acquisition, 0, None, 1)[0])
        assert values.keys() == TERMS | {"learning_rate", "gradient"}
        assert values["learning_rate"] == learning_rate(0, config.optimiser)
        assert values["gradient"] > 0

    def test_the_average_follows_the_weights(self, make_config: MakeConfig, tmp_path: Path) -> None:
        config = make_config()
        trainer = make_trainer(config, tmp_path)
        before = weights(trainer.model)
        trainer.train_step(*TrainingFields(config.data, config.acquisition, 0, None, 1)[0])
        for old, new, average in zip(before, weights(trainer.model), weights(trainer.average), strict=True):
            torch.testing.assert_close(average, old + 0.9 * (new - old))
        assert any(not torch.equal(a, b) for a, b in zip(before, weights(trainer.model), strict=True))

    def test_a_step_without_finite_gradient_leaves_the_weights_alone(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        config = make_config()
        trainer = make_trainer(config, tmp_path)
        before = weights(trainer.model) + weights(trainer.average)
        x, y = TrainingFields(config.data, config.acquisition, 0, None, 1)[0]
        trainer.train_step(torch.full_like(x, torch.nan), y)
        after = weights(trainer.model) + weights(trainer.average)
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))

    def test_low_precision_keeps_full_weights(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trainer_module, "rounds", lambda precision, _: precision == "bfloat16")
        config = make_config(optimiser={"precision": "bfloat16"})
        patches = TrainingFields(config.data, config.acquisition, 0, None, 1)[0]
        trainer = make_trainer(config, tmp_path)
        low = trainer.train_step(*patches)
        full = make_trainer(make_config(), tmp_path).train_step(*patches)
        assert all(tensor.dtype == torch.float32 for tensor in weights(trainer.model))
        assert low["total"] == pytest.approx(full["total"], rel=0.05, abs=0.02)
        assert low["total"] != full["total"]

    def test_a_device_that_is_slow_in_low_precision_computes_in_full(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trainer_module, "rounds", lambda *_: False)
        lines: list[str] = []
        patches = TrainingFields(make_config().data, make_config().acquisition, 0, None, 1)[0]
        trainer = make_trainer(make_config(optimiser={"precision": "bfloat16"}), tmp_path, lines.append)
        full = make_trainer(make_config(), tmp_path, lines.append)
        assert trainer.train_step(*patches) == full.train_step(*patches)
        assert lines == ["this device is slow in bfloat16: computing in float32 instead"]

    def test_compiled_is_the_same_step(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compiled: list[object] = []
        monkeypatch.setattr(torch, "compile", lambda function: compiled.append(function) or function)
        patches = TrainingFields(make_config().data, make_config().acquisition, 0, None, 1)[0]
        plain = make_trainer(make_config(), tmp_path).train_step(*patches)
        assert not compiled
        trainer = Trainer(make_config(), None, tmp_path, 0, quiet, compiled=True)
        assert trainer.train_step(*patches) == plain
        assert compiled == [trainer_module.objective]

    def test_networks_and_data_go_to_the_device(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The device that has no memory: what is on it can be seen, and computes nothing.
        nowhere = torch.device("meta")
        trainer = Trainer(make_config(), None, tmp_path, 0, quiet, device=nowhere)
        assert all(tensor.device == nowhere for tensor in weights(trainer.model) + weights(trainer.average))
        seen: list[Tensor] = []
        rounded: list[tuple[str, bool]] = []
        monkeypatch.setattr(
            torch, "autocast", lambda kind, *_, enabled: rounded.append((kind, enabled)) or nullcontext()
        )

        def record(model: CVDM, *tensors: Tensor) -> ObjectiveTerms:
            seen.extend(tensors[:4])
            raise Killed

        like = torch.empty(3, 4, 16, 16, device=nowhere)
        monkeypatch.setattr(trainer_module, "draw_times_and_noise", lambda *_: (like[:, 0, 0, 0], like))
        trainer.objective = record
        x, y = TrainingFields(make_config().data, make_config().acquisition, 0, None, 1)[0]
        with pytest.raises(Killed):
            trainer.train_step(x, y)
        assert [tensor.device for tensor in seen] == [nowhere] * 4
        assert rounded == [("meta", False)]  # nor is anything rounded that was not asked for


@pytest.mark.usefixtures("no_validation")
class TestResume:
    def test_a_killed_run_ends_with_the_same_weights_and_losses(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        config = make_config()
        whole = make_trainer(config, tmp_path / "whole")
        whole.run()

        def kill_at_6(line: str) -> None:
            if line.startswith("step 6 "):
                raise Killed

        killed = make_trainer(config, tmp_path / "killed", kill_at_6)
        with pytest.raises(Killed):
            killed.run()
        lines: list[str] = []
        resumed = make_trainer(config, tmp_path / "killed", lines.append)
        resumed.resume()
        assert lines == ["resumed at step 4"]
        assert resumed.step == 4
        resumed.run()
        assert resumed.step == whole.step == 10
        assert same_weights(resumed, whole)
        assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
        # And what both learnt is not what they started with.
        assert not same_weights(whole, make_trainer(config, tmp_path / "whole"))

    def test_a_finished_run_continues_to_the_weights_of_a_longer_one(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        longer = make_config(optimiser={"cycles": [6, 4]})
        whole = make_trainer(longer, tmp_path / "whole")
        whole.run()
        make_trainer(make_config(optimiser={"cycles": [6]}), tmp_path / "continued").run()
        continued = make_trainer(longer, tmp_path / "continued")
        continued.resume()
        assert continued.step == 6
        continued.run()
        assert same_weights(continued, whole)
        assert losses(tmp_path / "continued") == losses(tmp_path / "whole")

    def test_seeds_differ(self, make_config: MakeConfig, tmp_path: Path) -> None:
        trainers = [make_trainer(make_config(seed=seed), tmp_path) for seed in (3, 3, 4)]
        assert same_weights(trainers[0], trainers[1])
        assert not same_weights(trainers[0], trainers[2])

    def test_without_a_checkpoint_starts_at_the_beginning(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        trainer = make_trainer(make_config(), tmp_path)
        trainer.resume()
        assert trainer.step == 0

    def test_a_kill_while_saving_leaves_the_old_checkpoint(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trainer = make_trainer(make_config(), tmp_path)
        trainer.step = 4
        trainer.save()

        def half(state: dict[str, Any], file: BinaryIO) -> None:
            file.write(b"half")
            raise Killed

        trainer.step = 8
        with monkeypatch.context() as patch:
            patch.setattr(torch, "save", half)
            with pytest.raises(Killed):
                trainer.save()
        resumed = make_trainer(make_config(), tmp_path)
        resumed.resume()
        assert resumed.step == 4

    def test_a_finished_run_has_nothing_left_to_do(self, make_config: MakeConfig, tmp_path: Path) -> None:
        config = make_config(optimiser={"cycles": [4]})
        first = make_trainer(config, tmp_path)
        first.run()
        second = make_trainer(config, tmp_path)
        second.resume()
        second.run()
        assert second.step == 4
        assert same_weights(first, second)

    def test_kinds_in_another_order_are_another_run(self, make_config: MakeConfig, tmp_path: Path) -> None:
        make_trainer(make_config(), tmp_path).save()
        kinds = make_config().data.kinds
        make_trainer(make_config(), tmp_path).resume()
        turned = make_config(data={"kinds": dict(reversed(kinds.items()))})
        with pytest.raises(ConfigError, match=r"another configuration \(data\.kinds\)"):
            make_trainer(turned, tmp_path).resume()


@pytest.mark.usefixtures("no_validation")
class TestLog:
    def test_holds_every_term_at_its_intervals(self, make_config: MakeConfig, tmp_path: Path) -> None:
        lines: list[str] = []
        make_trainer(make_config(schedule={"log_every": 3}), tmp_path, lines.append).run()
        entries = [entry for entry in read_log(tmp_path) if "total" in entry]
        assert [entry["step"] for entry in entries] == [3, 6, 9, 10]
        for entry in entries:
            assert entry.keys() == TERMS | {"step", "seconds", "learning_rate", "gradient"}
            assert 0 <= entry["seconds"] < 600
        assert lines[0].startswith("step 3  seconds ")
        assert "  noise " in lines[0]

    def test_averages_over_the_interval(self, make_config: MakeConfig, tmp_path: Path) -> None:
        for every in (1, 2):
            config = make_config(schedule={"log_every": every}, optimiser={"cycles": [4]})
            make_trainer(config, tmp_path / str(every)).run()
        single, pairs = losses(tmp_path / "1"), losses(tmp_path / "2")
        assert single[3]["learning_rate"] == pytest.approx(learning_rate(2, config.optimiser), rel=1e-3)
        for name in TERMS | {"learning_rate", "gradient"}:
            assert pairs[4][name] == pytest.approx((single[3][name] + single[4][name]) / 2, rel=1e-3)

    def test_holds_the_validation(self, make_config: MakeConfig, tmp_path: Path) -> None:
        config = make_config(schedule={"validate_every": 4})
        make_trainer(config, tmp_path).run()
        entries = [e for e in read_log(tmp_path) if "validation_psnr_mean_network" in e]
        assert [e["step"] for e in entries] == [4, 8, 10]

    def test_the_averaged_weights_are_validated(
        self, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        validated: list[object] = []
        monkeypatch.setattr(trainer_module, "validate", lambda model, *_: validated.append(model) or {})
        trainer = make_trainer(make_config(), tmp_path)
        trainer.run()
        assert validated == [trainer.average]
        assert not trainer.average.training


class TestRunTraining:
    @staticmethod
    def write(path: Path, text: str = "") -> Path:
        """A configuration file that trains for an instant."""
        path.write_text(
            """
            name = "tiny"
            description = "A tiny model."
            [architecture]
            mean_widths = [4, 8]
            mean_blocks = [1, 1]
            noise_widths = [4, 8]
            noise_blocks = [1, 1]
            [acquisition]
            photons = [20.0, 2000.0]
            [optimiser]
            cycles = [3]
            batch = 2
            [schedule]
            sampling_steps = 2
            draws = 2
            [data]
            field = 24
            patch = 16
            patches_per_field = 2
            """
            + text,
            encoding="utf-8",
        )
        return path

    def test_exports_a_model_that_loads(self, tmp_path: Path) -> None:
        lines: list[str] = []
        config = self.write(tmp_path / "run.toml", "kinds = { vesicles = 1.0 }")
        path = run_training(config, tmp_path / "out", workers=0, fields_per_kind=0, log=lines.append)
        assert path == tmp_path / "out" / "tiny.safetensors"
        model = load_model(path)
        assert model.card.name == "tiny"
        assert model.card.ranges["photons"] == [20.0, 2000.0]
        assert model.card.training["steps"] == 3
        assert model.card.training["data"] == ["simulated vesicles"]
        assert set(model.card.metrics["validation"]) >= {"psnr_mean_network", "correlation"}
        assert (tmp_path / "out" / "validation" / "0000003.png").is_file()
        assert (tmp_path / "out" / "log.jsonl").is_file()
        assert any("validation_psnr_mean_network" in line for line in lines)
        # What is exported is the moving average, in half precision.
        state = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
        exported = model.network.state_dict()
        assert all(torch.equal(exported[n], t.half().float()) for n, t in state["average"].items())
        assert any(not torch.equal(exported[n], t.half().float()) for n, t in state["model"].items())

    def test_real_images_train_and_validate(
        self, tmp_path: Path, micrographs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[range] = []

        def record(folder: Path, numbers: range) -> object:
            asked.append(numbers)
            return load_micrographs(folder, numbers)

        monkeypatch.setattr("napari_cvdm.training.dataset.load_micrographs", record)
        monkeypatch.setattr("napari_cvdm.training.validation.load_micrographs", record)
        names: list[str] = []

        def validate(_: object, fields: list[Any], *__: object) -> dict[str, float]:
            names.extend(field.name for field in fields)
            return {}

        monkeypatch.setattr(trainer_module, "validate", validate)
        config = self.write(tmp_path / "run.toml", 'micrographs = "elsewhere"')
        path = run_training(
            config, tmp_path / "out", workers=0, micrographs=micrographs, fields_per_kind=0, log=quiet
        )
        assert asked == [range(1, 41), range(41, 46)]
        assert sorted({name[-2:] for name in names}) == ["41", "42", "43", "44", "45"]
        assert "BioSR" in load_model(path).card.training["data"][1]

    def test_the_folder_of_real_images_is_relative_to_the_configuration(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = self.write(tmp_path / "run.toml", 'micrographs = "nowhere"')
        monkeypatch.chdir("/")
        out, kept = tmp_path / "out", tmp_path / "kept"
        kept.mkdir()
        (kept / "checkpoint.pt").write_bytes(b"precious")
        for folder, fresh in ((out, False), (kept, True)):
            with pytest.raises(ConfigError, match=rf"no micrograph at {tmp_path}/nowhere/"):
                run_training(config, folder, fresh=fresh, workers=0, log=quiet)
        # What cannot be used leaves the folder as it is.
        assert not out.exists()
        assert (kept / "checkpoint.pt").read_bytes() == b"precious"

    def test_images_too_small_to_calibrate_on_are_refused_before_the_work(
        self, tmp_path: Path, micrographs: Path
    ) -> None:
        config = self.write(tmp_path / "run.toml", 'micrographs = "elsewhere"')
        with pytest.raises(InputError, match=r"ccp/41\.png in .* has 72 × 72 pixels, .* needs 192 × 192"):
            run_training(config, tmp_path / "out", workers=0, micrographs=micrographs, log=quiet)
        assert not (tmp_path / "out").exists()

    @pytest.mark.usefixtures("no_validation")
    def test_goes_on_or_starts_fresh(self, tmp_path: Path) -> None:
        config = self.write(tmp_path / "run.toml", "kinds = { vesicles = 1.0 }")
        lines: list[str] = []
        for fresh in (False, False, True):
            lines.append(f"fresh {fresh}")
            run_training(
                config, tmp_path / "out", fresh=fresh, workers=0, fields_per_kind=0, log=lines.append
            )
        assert [line for line in lines if line.startswith(("fresh", "resumed"))] == [
            "fresh False",
            "fresh False",
            "resumed at step 3",
            "fresh True",
        ]
        assert list(losses(tmp_path / "out")) == [3]
        assert len(read_log(tmp_path / "out")) == 2  # the losses and the validation of the last run alone

    def test_weights_of_unknown_origin_are_refused_before_the_work(self, tmp_path: Path) -> None:
        config = self.write(tmp_path / "run.toml", "kinds = { vesicles = 1.0 }")
        (tmp_path / "tiny.safetensors").write_bytes(b"precious")
        with pytest.raises(ConfigError, match=r"tiny\.safetensors exists"):
            run_training(config, tmp_path, workers=0, fields_per_kind=0, log=quiet)
        assert (tmp_path / "tiny.safetensors").read_bytes() == b"precious"
        text = config.read_text(encoding="utf-8")
        config.write_text('start_from = "tiny.safetensors"\n' + text, encoding="utf-8")
        with pytest.raises(ConfigError, match="is the model to start from"):
            run_training(config, tmp_path, fresh=True, workers=0, fields_per_kind=0, log=quiet)
        assert (tmp_path / "tiny.safetensors").read_bytes() == b"precious"

    @pytest.mark.usefixtures("no_validation")
    def test_a_second_stage_starts_from_the_first(self, tmp_path: Path) -> None:
        first = self.write(tmp_path / "first.toml", "kinds = { vesicles = 1.0 }")
        run_training(first, tmp_path / "first", workers=0, fields_per_kind=0, log=quiet)
        second = self.write(tmp_path / "second.toml", "kinds = { rings = 1.0 }")
        text = second.read_text(encoding="utf-8")
        second.write_text('start_from = "first/tiny.safetensors"\nseed = 1\n' + text, encoding="utf-8")
        lines: list[str] = []

        def kill_at_the_end(line: str) -> None:
            lines.append(line)
            if line.startswith("step 3 "):
                raise Killed

        folder = tmp_path / "second"
        with pytest.raises(Killed):
            run_training(second, folder, workers=0, fields_per_kind=0, log=kill_at_the_end)
        sha256 = load_model(tmp_path / "first" / "tiny.safetensors").sha256
        assert lines[0] == f"starting from tiny, sha256 {sha256}"
        whole = run_training(second, tmp_path / "whole", workers=0, fields_per_kind=0, log=quiet)
        # Killed before the first checkpoint: from the first stage again. After it: from the checkpoint.
        again: list[str] = []
        for _ in range(2):
            path = run_training(second, folder, workers=0, fields_per_kind=0, log=again.append)
            same = load_model(path).network.state_dict()
            assert all(torch.equal(same[n], t) for n, t in load_model(whole).network.state_dict().items())
        earlier = {"first/tiny.safetensors": f"tiny, sha256 {sha256}"}
        assert load_model(path).card.training["earlier_models"] == earlier
        starts = [line.split(",")[0] for line in again if line.startswith(("starting", "resumed"))]
        assert starts == ["starting from tiny", "resumed at step 3"]

    @pytest.mark.usefixtures("no_validation")
    def test_a_mean_network_learns_what_its_teachers_estimate(self, tmp_path: Path) -> None:
        first = self.write(tmp_path / "first.toml", "kinds = { vesicles = 1.0 }")
        start = run_training(first, tmp_path / "first", workers=0, fields_per_kind=0, log=quiet)
        other = self.write(tmp_path / "other.toml", "kinds = { rings = 1.0 }")
        teacher = run_training(other, tmp_path / "other", workers=0, fields_per_kind=0, log=quiet)
        second = self.write(tmp_path / "second.toml", "kinds = { rings = 1.0 }")
        text = 'start_from = "first/tiny.safetensors"\n' + second.read_text(encoding="utf-8")
        second.write_text(
            'teachers = ["other/tiny.safetensors"]\nteachers_share = 1.0\n' + text, encoding="utf-8"
        )
        lines: list[str] = []
        path = run_training(second, tmp_path / "second", workers=0, fields_per_kind=0, log=lines.append)
        sha256 = load_model(teacher).sha256
        assert lines[0] == f"100 % of what the mean network is taught are from tiny, sha256 {sha256}"
        assert load_model(path).card.training["teachers"] == ["other/tiny.safetensors"]
        assert load_model(path).card.training["teachers_share"] == 1.0
        x = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        taught, began, wanted = (
            load_model(each).network.mean_and_scale(x)[0] for each in (path, start, teacher)
        )
        assert (taught - wanted).square().mean() < (began - wanted).square().mean()
        teacher.write_bytes(start.read_bytes())
        with pytest.raises(ConfigError, match=rf"learned from another other/tiny\.safetensors .*{sha256}"):
            run_training(second, tmp_path / "second", workers=0, fields_per_kind=0, log=quiet)

    @pytest.mark.usefixtures("no_validation")
    def test_weights_are_read_once_and_before_a_checkpoint_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = self.write(tmp_path / "first.toml", "kinds = { vesicles = 1.0 }")
        start = run_training(first, tmp_path / "first", workers=0, fields_per_kind=0, log=quiet)
        text = first.read_text(encoding="utf-8")
        wanted = 'start_from = "first/tiny.safetensors"\nteachers = ["second/tiny.safetensors"]\n'
        (tmp_path / "second").mkdir()
        (tmp_path / "second" / "tiny.safetensors").write_bytes(start.read_bytes())
        third = tmp_path / "third.toml"
        third.write_text(wanted + text, encoding="utf-8")
        read: list[Path] = []

        def note(path: Path) -> tuple[Any, str]:
            read.append(path)
            return read_earlier(path)

        monkeypatch.setattr("napari_cvdm.training.trainer.read_earlier", note)
        run_training(third, tmp_path / "third", workers=0, fields_per_kind=0, log=quiet)
        assert read == [start.resolve(), tmp_path / "second" / "tiny.safetensors"]
        changed = (wanted + text).replace("[architecture]", "[architecture]\nclock_units = 3")
        assert changed != wanted + text
        third.write_text(changed, encoding="utf-8")
        checkpoint = (tmp_path / "third" / "checkpoint.pt").read_bytes()
        with pytest.raises(ConfigError, match="has another architecture"):
            run_training(third, tmp_path / "third", workers=0, fields_per_kind=0, fresh=True, log=quiet)
        assert (tmp_path / "third" / "checkpoint.pt").read_bytes() == checkpoint

    @pytest.mark.usefixtures("no_validation")
    def test_a_teacher_that_is_missing_is_named_before_the_work(self, tmp_path: Path) -> None:
        first = self.write(tmp_path / "first.toml", "kinds = { vesicles = 1.0 }")
        run_training(first, tmp_path / "first", workers=0, fields_per_kind=0, log=quiet)
        text = 'start_from = "first/tiny.safetensors"\nteachers = ["nobody.safetensors"]\n'
        first.write_text(text + first.read_text(encoding="utf-8"), encoding="utf-8")
        with pytest.raises(ModelError, match=r"no model file .*nobody\.safetensors"):
            run_training(first, tmp_path / "second", workers=0, fields_per_kind=0, log=quiet)
        assert not (tmp_path / "second").exists()

    def test_a_first_stage_of_another_architecture_is_refused(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        other = make_trainer(make_config(architecture={"clock_units": 3}), tmp_path)
        with pytest.raises(ConfigError, match=r"the other has another architecture"):
            make_trainer(make_config(), tmp_path).take(other.average, "the other")

    def test_the_first_stage_goes_into_weights_and_average(
        self, make_config: MakeConfig, tmp_path: Path
    ) -> None:
        first = make_trainer(make_config(seed=8), tmp_path)
        path = export_model(first.average, first.config, tmp_path, 0, 0.0, {}, fields_per_kind=0)
        second = make_trainer(make_config(seed=9), tmp_path)
        second.take(*read_earlier(path))
        for network in (second.model, second.average):
            for name, tensor in network.state_dict().items():
                assert torch.equal(tensor, first.model.state_dict()[name].half().float())

    def test_missing_first_stage(self, tmp_path: Path) -> None:
        config = self.write(tmp_path / "run.toml", "kinds = { vesicles = 1.0 }")
        text = config.read_text(encoding="utf-8")
        config.write_text(f'start_from = "../{tmp_path.name}/nowhere.safetensors"\n' + text, encoding="utf-8")
        with pytest.raises(
            ConfigError, match=rf"no file {tmp_path}/nowhere\.safetensors.*: train the model 'nowhere'"
        ):
            run_training(config, tmp_path / "out", workers=0, log=quiet)
        assert not (tmp_path / "out").exists()

    def test_missing_configuration(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no training configuration at"):
            run_training(tmp_path / "run.toml", tmp_path / "run")


def test_a_folder_of_micrographs_is_not_ignored_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('name = "simulated"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="simulated structures alone"):
        run_training(path, tmp_path / "run", micrographs=tmp_path)
