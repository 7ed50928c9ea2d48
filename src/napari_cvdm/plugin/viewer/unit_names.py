"""Names of units, as files state them.

The library that knows the units takes a name for a formula and works it out: "9**9**9" would take longer than
anybody waits, in one step that nothing interrupts.
"""

from __future__ import annotations

import re

_FACTOR = r"[^\W\d]\w*( \*\* -?\d{1,2}(\.\d{1,9})?)?"
#: As the library itself writes units: "micrometer", "meter ** 2 / second", "1 / second".
_WRITTEN = re.compile(rf"(1 / )?{_FACTOR}( [*/] {_FACTOR}){{0,8}}")


def unit_or_pixel(name: object) -> str:
    """Return a unit as napari knows it; a pixel where a file states none, or what is no unit."""
    import pint

    if not isinstance(name, str) or not _WRITTEN.fullmatch(name):
        return "pixel"
    known = pint.get_application_registry().Unit
    try:
        unit = str(known(name))
        known(unit)  # as napari will: "1 / decibel" comes out as no unit
    except (pint.UndefinedUnitError, KeyError, ValueError, TypeError, AttributeError):
        return "pixel"
    return unit
