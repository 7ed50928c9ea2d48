"""Numbers as a person writes them."""

from __future__ import annotations

import numpy as np


def plain_number(value: float) -> str:
    """Write a number with three digits that count, and with powers of ten only where it is extreme.

    Thousands are not parted, so that a number can be typed as it is read.

    >>> plain_number(3000.0), plain_number(12.345), plain_number(0.012345), plain_number(10_912_345)
    ('3000', '12.3', '0.0123', '10900000')
    """
    rounded = float(f"{value:.3g}")
    if 1e-6 <= abs(rounded) < 1e12:
        return np.format_float_positional(rounded, trim="-")
    return f"{rounded:.3g}"
