"""What tells the pictures of one run from those of another: reconstruction, uncertainty and draws."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: What of a provenance tells the pictures of one run apart: all the rest is the same for each of them.
_APART = ("content", "picture", "layer", "written")


def run_of(provenance: Mapping[str, Any]) -> str:
    """Return what the pictures of one run have in common, and no other has, by the provenance of one of them.

    It is the name that the run was given, or else a digest of how its pictures were made. Runs that were
    asked for the same differ in that, too: hardly two take the same number of seconds.
    """
    common = {key: value for key, value in provenance.items() if key not in _APART}
    said = provenance.get("run") or common
    if isinstance(said, str):
        return said
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]
