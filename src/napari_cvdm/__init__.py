"""Super-resolution with an uncertainty map for fluorescence microscopy.

The public names load on first use: importing this package imports neither torch nor dask, so that napari
starts as fast with the plugin as without.

Examples
--------
>>> import napari_cvdm as cvdm
>>> model = cvdm.load_model()  # doctest: +SKIP
>>> result = cvdm.restore(image, model, axes="TYX", pixel_size=65.0)  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cvdm.models.store import list_models, load_model
    from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy
    from napari_cvdm.restoration.restore import restore, restore_events
    from napari_cvdm.restoration.result import Restoration

    __version__: str

__all__ = [
    "LazyRestoration",
    "Restoration",
    "__version__",
    "list_models",
    "load_model",
    "restore",
    "restore_events",
    "restore_lazy",
]

_HOME_OF = {
    "LazyRestoration": "napari_cvdm.restoration.lazy",
    "Restoration": "napari_cvdm.restoration.result",
    "list_models": "napari_cvdm.models.store",
    "load_model": "napari_cvdm.models.store",
    "restore": "napari_cvdm.restoration.restore",
    "restore_events": "napari_cvdm.restoration.restore",
    "restore_lazy": "napari_cvdm.restoration.lazy",
}


if not TYPE_CHECKING:  # else every name, also a mistyped one, would pass a type checker as Any

    def __getattr__(name: str) -> Any:
        """Load a public name from the module that defines it, once.

        Parameters
        ----------
        name : str
            The attribute asked for.

        Returns
        -------
        object
            The function, class or string of that name.

        Raises
        ------
        AttributeError
            If the package has no such public name.
        """
        if name == "__version__":
            from importlib.metadata import PackageNotFoundError, version

            value: Any
            try:
                value = version("napari-cvdm")
            except PackageNotFoundError:  # run from a source folder that was never installed, or frozen
                value = "unknown"
        elif name in _HOME_OF:
            value = getattr(import_module(_HOME_OF[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, loaded or not, beside what the module holds already."""
    return sorted({*globals(), *__all__})
