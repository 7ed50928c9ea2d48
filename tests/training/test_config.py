"""The configuration file: every setting is known and sane, or the message says which is not."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.objective import ObjectiveWeights
from napari_cvdm.simulation.micrographs import Variety
from napari_cvdm.simulation.pairs import KINDS
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.training.config import ConfigError, OptimiserConfig, load_config, parse_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

MakeValues = Callable[..., dict[str, Any]]


class TestShippedConfigurations:
    @pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
    def test_parse_and_describe_a_network(self, path: Path) -> None:
        config = load_config(path)
        assert config.description
        assert config.data.patch % CVDM(config.architecture).granularity == 0
        assert config.architecture.upscaling == 2

    @pytest.mark.parametrize(
        ("before", "after"), [("first", "second"), ("second", "third"), ("third", "default")]
    )
    def test_each_stage_starts_from_the_one_before(self, before: str, after: str) -> None:
        first, next_one = (load_config(CONFIGS / f"{name}.toml") for name in (before, after))
        assert next_one.start_from == f"../runs/{first.name}/{first.name}.safetensors"
        assert next_one.architecture == first.architecture

    @pytest.mark.parametrize(("name", "column"), [("first", 3), ("second", 4), ("third", 5), ("default", 4)])
    def test_the_documentation_states_their_ranges(self, name: str, column: int) -> None:
        text = (CONFIGS.parent / "docs" / "training.md").read_text(encoding="utf-8")
        rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines() if "|" in row]
        stated = {row[0].strip("`"): row[column] for row in rows if len(row) == 6}
        acquisition = load_config(CONFIGS / f"{name}.toml").acquisition
        for setting, value in asdict(acquisition).items():
            bounds = value if isinstance(value, tuple) else [value]
            words = " to ".join(str(bound) if isinstance(bound, bool) else f"{bound:g}" for bound in bounds)
            share = getattr(acquisition, f"{setting.split('_')[0]}_share", 1)
            if not share or (setting == "slope" and not acquisition.slope[1]):
                words = "–"
            assert stated[setting] == words, setting


class TestParseConfig:
    def test_a_name_is_enough(self) -> None:
        config = parse_config({"name": "plain"})
        assert config.architecture == CVDMConfig()
        assert config.acquisition == AcquisitionRanges()
        assert config.objective == ObjectiveWeights()
        assert config.optimiser == OptimiserConfig()
        assert dict(config.data.kinds) == dict.fromkeys(KINDS, 1.0)

    def test_settings_reach_their_part(self, make_values: MakeValues) -> None:
        config = parse_config(
            make_values(
                seed=11,
                description="words",
                acquisition={"photons": [5.0, 50.0]},
                objective={"alpha": 0.01},
                optimiser={"cycles": [30, 20]},
            )
        )
        assert (config.name, config.seed, config.description) == ("tiny", 11, "words")
        assert config.architecture.mean_widths == (4, 8)
        assert config.acquisition.photons == (5.0, 50.0)
        assert config.objective.alpha == 0.01
        assert config.optimiser.steps == 50
        assert config.data.kinds == {"rings": 1.0, "vesicles": 1.0}

    def test_switches_are_true_or_false(self, make_values: MakeValues) -> None:
        assert parse_config(make_values(architecture={"normalised": True})).architecture.normalised
        assert not parse_config(make_values()).architecture.normalised

    def test_whole_numbers_serve_as_real_ones(self, make_values: MakeValues) -> None:
        config = parse_config(make_values(data={"stretch": 1, "contrast": [1, 2]}))
        assert config.data.variety == Variety(stretch=1, contrast=(1, 2))
        assert parse_config(make_values()).data.variety is None

    def test_survives_json(self, make_values: MakeValues) -> None:
        # A checkpoint keeps the configuration as JSON and compares it.
        config = parse_config(make_values())
        stored = json.loads(json.dumps(config.to_dict()))
        assert parse_config(stored) == config
        assert CVDMConfig.from_dict(stored["architecture"]) == config.architecture

    @pytest.mark.parametrize(
        ("table", "place"),
        [
            ("architecture", r"\[architecture\]"),
            ("objective", r"\[objective\]"),
            ("acquisition", r"\[acquisition\]"),
            ("data", r"\[data\]"),
            ("optimiser", r"\[optimiser\]"),
            ("schedule", r"\[schedule\]"),
        ],
    )
    def test_unknown_setting(self, make_values: MakeValues, table: str, place: str) -> None:
        with pytest.raises(ConfigError, match=rf"unknown setting 'colour' in {place}; it knows .*, "):
            parse_config(make_values(**{table: {"colour": "red"}}))

    def test_unknown_table(self, make_values: MakeValues) -> None:
        with pytest.raises(
            ConfigError, match=r"unknown setting 'optimizer' in the configuration; .* optimiser"
        ):
            parse_config(make_values(optimizer={"batch": 2}))

    def test_missing_name(self) -> None:
        with pytest.raises(ConfigError, match=r"the configuration: .*name"):
            parse_config({"seed": 1})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"data": {"patch": 17}}, r"\[data\] patch must be a multiple of 2"),
            ({"name": "../elsewhere"}, r"'?\.\./elsewhere'? cannot be a model name"),
            ({"seed": -1}, r"seed must lie between 0 and"),
            ({"seed": 2**64}, r"seed must lie between 0 and 2⁶⁴ − 1"),
            ({"seed": "many"}, r"seed in the configuration must be like 0"),
            ({"architecture": 3}, r"\[architecture\] must be a table"),
            ({"architecture": {"normalised": 1}}, r"normalised in \[architecture\] must be like False"),
            ({"data": {"patch": True}}, r"patch in \[data\] must be like 48"),
            ({"data": {"patch": 16.0}}, r"patch in \[data\] must be like 48"),
            ({"architecture": {"upscaling": 3}}, r"\[architecture\] upscaling must be 2"),
            ({"architecture": {"rate_bounds": [9.0, 40.0]}}, r"rate_bounds must be positive and, of a"),
            ({"architecture": {"rate_bounds": [0.0, 9.0], "schedule": "linear"}}, r"rate_bounds must be"),
            ({"architecture": {"schedule": "quadratic"}}, r"schedule must be one of learned, linear"),
            ({"architecture": {"scale_floor": -1.0}}, r"\[architecture\] scale_floor must not be"),
            ({"architecture": {"clock_units": 0}}, r"\[architecture\] clock_units must be positive"),
            ({"architecture": {"mean_widths": [8, 8, 8], "mean_blocks": [1, 1]}}, r"equally many"),
            ({"architecture": {"mean_widths": [8, 0]}}, r"mean_widths and mean_blocks must be positive"),
            ({"architecture": {"noise_blocks": [1, -1]}}, r"noise_widths and noise_blocks must be positive"),
            ({"architecture": {"noise_widths": [8] * 6, "noise_blocks": [1] * 6}}, r"multiple of 32"),
            ({"acquisition": {"psf_sigma": [4.0, 2.0]}}, r"psf_sigma in \[acquisition\] must be like"),
            ({"acquisition": {"psf_sigma": 2.0}}, r"psf_sigma in \[acquisition\] must be like"),
            ({"data": {"kinds": ["rings"]}}, r"\[data\] kinds must be a table"),
            ({"data": {"kinds": {"rings": -1.0}}}, r"frequencies of kinds must not be negative"),
            ({"data": {"patches_per_field": "x"}}, r"patches_per_field in \[data\] must be like 8"),
            ({"optimiser": {"batch": "many"}}, r"batch in \[optimiser\] must be like 8"),
            ({"optimiser": {"cycles": 5}}, r"cycles in \[optimiser\] must be like"),
            ({"optimiser": {"learning_rate": 0.0}}, r"learning_rate and clip must be positive"),
            ({"optimiser": {"clip": 0.0}}, r"learning_rate and clip must be positive"),
            ({"optimiser": {"clip": -1.0}}, r"learning_rate and clip must be positive"),
            ({"optimiser": {"final_learning_rate": -1e-5}}, r"final_learning_rate, .* must not be negative"),
            ({"optimiser": {"cycle_decay": -0.5}}, r"cycle_decay and warmup must not be negative"),
            ({"optimiser": {"warmup": -5}}, r"warmup must not be negative"),
            ({"optimiser": {"average": 1.5}}, r"average must lie between 0 and 1"),
            ({"optimiser": {"average": -1.0}}, r"average must lie between 0 and 1"),
            ({"schedule": {"log_every": 0}}, r"\[schedule\] every number must be positive"),
            ({"data": {"patch": 28}}, r"\[data\] patch must .* at most as large as field"),
            ({"data": {"patch": 0}}, r"\[data\] patch must"),
            ({"teachers": ["a"]}, r"teachers need start_from"),
            ({"teachers": ["a", 1], "start_from": "b"}, r"teachers in the configuration must be like \(\)"),
            (
                {"teachers_share": 1.5, "start_from": "a", "teachers": ["b"]},
                r"teachers_share must lie between",
            ),
            ({"data": {"micrograph_share": 1.5}}, r"\[data\] micrograph_share must lie between 0 and 1"),
            ({"data": {"micrograph_share": -0.1}}, r"\[data\] micrograph_share must lie between 0 and 1"),
            (
                {"data": {"kept_background": [0.6, 0.4]}},
                r"kept_background in \[data\] must be like \(0.0, 0.0\)",
            ),
            (
                {"data": {"kept_background": [0.0, 1.2]}},
                r"\[data\] kept_background must be a range between 0",
            ),
            ({"data": {"kept_background": [0.3]}}, r"kept_background"),
            ({"acquisition": {"thick_share": 1.5}}, r"\[acquisition\] thick_share must lie"),
            ({"acquisition": {"halo_share": -0.5}}, r"\[acquisition\] halo_share must lie"),
            ({"acquisition": {"disc_share": 2.0}}, r"\[acquisition\] disc_share must lie"),
            ({"acquisition": {"aberrated_share": 2.0}}, r"\[acquisition\] aberrated_share must lie"),
            ({"data": {"overlaid_share": 2.0}}, r"\[data\] overlaid_share must lie between 0 and 1"),
            ({"data": {"stretch": -0.1}}, r"\[data\] stretch must not be negative"),
            ({"data": {"gain_jitter": -0.1}}, r"\[data\] gain_jitter must not be negative"),
            ({"data": {"offset_jitter": float("nan")}}, r"\[data\] offset_jitter must not be negative"),
            ({"acquisition": {"photons": [0.0, 100.0]}}, r"\[acquisition\] photons must be a range of pos"),
            ({"acquisition": {"psf_sigma": [-1.0, 4.0]}}, r"\[acquisition\] psf_sigma must be a range of"),
            ({"acquisition": {"haze_sigma": [0.0, 9.0]}}, r"\[acquisition\] haze_sigma must be a range of"),
            ({"acquisition": {"read_noise": [-1.0, 1.0]}}, r"\[acquisition\] read_noise must not be neg"),
            ({"data": {"contrast": [0.0, 1.0]}}, r"\[data\] contrast must be a range of positive"),
            ({"data": {"patches_per_field": 0}}, r"\[data\] patches_per_field must be positive"),
            ({"data": {"empty_share": 1.5}}, r"\[data\] empty_share must lie between 0 and 1"),
            ({"data": {"kinds": {"nuclei": 1.0}}}, r"\[data\] kinds must be among microtubules, .*mixture"),
            ({"data": {"kinds": {}}}, r"\[data\] kinds must be among"),
            ({"optimiser": {"cycles": [0]}}, r"\[optimiser\] cycles and batch must be positive"),
            ({"optimiser": {"cycles": [5, -1]}}, r"\[optimiser\] cycles and batch must be positive"),
            ({"optimiser": {"cycles": []}}, r"\[optimiser\] cycles and batch must be positive"),
            ({"optimiser": {"batch": 0}}, r"\[optimiser\] cycles and batch must be positive"),
            ({"optimiser": {"batch": 4}}, r"\[optimiser\] batch must not exceed patches_per_field, or be a"),
            ({"optimiser": {"precision": "half"}}, r"\[optimiser\] precision must be float32 or bfloat16"),
        ],
    )
    def test_wrong_value(self, make_values: MakeValues, change: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            parse_config(make_values(**change))


class TestLoadConfig:
    def test_reads_toml(self, tmp_path: Path) -> None:
        path = tmp_path / "run.toml"
        path.write_text('description = "é"\nname = "a"\nseed = 4\n[data]\nfield = 64\n', encoding="utf-8")
        config = load_config(path)
        assert (config.description, config.seed, config.data.field) == ("é", 4, 64)

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"no training configuration at .*nowhere\.toml"):
            load_config(tmp_path / "nowhere.toml")

    @pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b"[data\nfield = 3"])
    def test_not_toml(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "run.toml"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"run\.toml is not valid TOML: "):
            load_config(path)

    def test_errors_are_value_errors(self) -> None:
        # The command line turns these into one line and exit code 2.
        assert issubclass(ConfigError, ValueError)
