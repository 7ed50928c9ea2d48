"""Whether the packages behind OME-Zarr are there, and new enough: they are an extra, which users install."""

from __future__ import annotations

import warnings
from importlib.metadata import PackageNotFoundError, version

from napari_cvdm.restoration.errors import ImageFileError

_INSTALL = "Install what is needed with: pip install 'napari-cvdm[zarr]'"


def has_zarr() -> bool:
    """Whether zarr 3 or later is installed, without which tifffile opens no file as an array of zarr."""
    try:
        import zarr
    except ImportError:
        return False
    return _is_three(zarr.__version__)


def require_zarr() -> None:
    """Raise `ImageFileError` unless zarr and ome-zarr are installed, in versions that write OME-NGFF 0.5."""
    try:
        import zarr

        with warnings.catch_warnings():
            # ome-zarr 0.18 uses a class of its own that it has deprecated: no business of our users, whom it
            # would stop where they have made warnings errors.
            warnings.simplefilter("ignore", DeprecationWarning)
            import ome_zarr.writer  # noqa: F401
            from ome_zarr.format import FormatV05  # noqa: F401
    except ModuleNotFoundError as error:
        if _version("zarr") is None or _version("ome-zarr") is None:
            raise ImageFileError(
                f"OME-Zarr needs packages that are not installed ({error.name}). {_INSTALL}"
            ) from error
        # What one package misses in the other is named in words that help nobody: a module of it.
        raise _too_old() from error
    except ImportError as error:
        raise _too_old() from error
    if not _is_three(zarr.__version__):
        raise _too_old()


def _is_three(found: str) -> bool:
    major = found.partition(".")[0]
    return not major.isdecimal() or int(major) >= 3


def _too_old() -> ImageFileError:
    found = ", ".join(f"{name} {_version(name)}" for name in ("ome-zarr", "zarr"))
    return ImageFileError(f"OME-Zarr needs newer packages than those installed (found {found}). {_INSTALL}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
