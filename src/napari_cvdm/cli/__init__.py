"""The same jobs from a shell; `application` has the commands."""

from napari_cvdm.cli.application import app, main

__all__ = ["app", "main"]
