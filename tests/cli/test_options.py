"""Options that commands share."""

from __future__ import annotations

import typer

from napari_cvdm.cli.application import app

SHARED = {"--model": 4, "--device": 4, "--draws": 2, "--steps": 1, "--seed": 2, "--overwrite": 4}


def test_one_name_means_one_thing() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for option, least in SHARED.items():
        helps = [
            parameter.help
            for name in ("demo", "restore", "check", "evaluate", "simulate")
            for parameter in commands[name].params
            if option in parameter.opts
        ]
        assert len(helps) >= least
        if option not in ("--draws", "--overwrite"):  # restore has its own words for what it does with them
            assert len(set(helps)) == 1, option
