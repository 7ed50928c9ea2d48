"""Tables of numbers, for spreadsheets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_cvdm.models.replacing import replacing


def write_csv(path: str | Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns of equal length as comma-separated values.

    Parameters
    ----------
    path : str or Path
        Where to; replaced if it exists.
    columns : mapping of str to ndarray
        Under their headings. The µ of a heading is written as u, which every spreadsheet reads rightly; what
        is no number becomes an empty cell.

    Raises
    ------
    ValueError
        If the columns are not of the same length.
    OSError
        If it cannot be written; a file that exists stays as it is.
    """
    rows = list(zip(*columns.values(), strict=True))
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(heading.replace("µ", "u") for heading in columns)
    writer.writerows(["" if math.isnan(value) else f"{value:.9g}" for value in row] for row in rows)
    with replacing(Path(path)) as file:
        file.write(table.getvalue().encode())
