"""Print the Debian packages that Qt on a virtual screen needs and this machine lacks, on one line."""

import ctypes
import shutil
import sys
from pathlib import Path

# What napari's window loads beyond the wheels of PyQt6: found with `ldd` on Qt's platform plugin and on the
# modules that napari imports.
PACKAGE_OF_LIBRARY = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}

# Mesa's software renderer is loaded by libGL itself, under a name that changes with Mesa's version.
RENDERERS = ("dri/swrast_dri.so", "libgallium*.so")


def lacks_library(name: str) -> bool:
    """Tell whether the dynamic linker cannot load a shared library.

    Parameters
    ----------
    name : str
        The library's file name with its version, such as ``libGL.so.1``.

    Returns
    -------
    bool
        True if it is missing.
    """
    try:
        ctypes.CDLL(name)
    except OSError:
        return True
    return False


def missing_packages() -> list[str]:
    """Find what is missing.

    Returns
    -------
    list of str
        Names of Debian packages, sorted; empty if windows can be opened and drawn.
    """
    missing = {package for library, package in PACKAGE_OF_LIBRARY.items() if lacks_library(library)}
    if shutil.which("Xvfb") is None:
        missing.add("xvfb")
    folders = [
        folder
        for root in ("/usr/lib", "/usr/lib64")
        for folder in (Path(root), *Path(root).glob("*-linux-*"))
    ]
    if not any(next(folder.glob(pattern), None) for folder in folders for pattern in RENDERERS):
        missing.add("libgl1-mesa-dri")
    return sorted(missing)


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing_packages()) + "\n")
