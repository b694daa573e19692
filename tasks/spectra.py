"""Measured reflectance spectra for generated scenes: those that the package earthlib ships, or of a user's table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.types import UserError
from tasks.checks import check_file, list_some

HIGHEST = 1.5
"""A reflectance may be a little above 1, where a surface mirrors; what is far above is in percent."""


@dataclass(frozen=True)
class Library:
    """Spectra of several materials.

    Attributes:
        where: the file or package, for messages.
        wavelengths: `(reading,)`, rising.
        materials: what each spectrum is of `(spectrum,)`; one material may have many.
        reflectances: `(spectrum, reading)`.
    """

    where: str
    wavelengths: NDArray[np.float64]
    materials: NDArray[np.str_]
    reflectances: NDArray[np.float64]

    def draw(
        self, endmembers: int, bands: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """So many materials and a spectrum of each, read off at `bands` evenly spaced wavelengths.

        Returns:
            Reflectances `(endmember, band)`, and the materials' names.

        Raises:
            UserError: there are not so many materials.
        """
        known = np.unique(self.materials)
        if endmembers > len(known):
            raise UserError(
                f"task.data.endmembers must be at most {len(known)}, the materials in {self.where}. "
                f"Received: endmembers={endmembers}"
            )
        chosen = np.sort(rng.permutation(known)[:endmembers])
        rows = [int(rng.choice(np.flatnonzero(self.materials == material))) for material in chosen]
        at = np.linspace(self.wavelengths[0], self.wavelengths[-1], bands)
        spectra = np.stack([np.interp(at, self.wavelengths, self.reflectances[row]) for row in rows])
        return spectra, tuple(map(str, chosen))


def read_measured() -> Library:
    """The spectra of earthlib that were measured: soils, roofs, roads and other surfaces, 0.4 to 2.45 micrometres.

    Raises:
        UserError: the package is not installed.
    """
    try:
        import earthlib
    except ImportError as error:
        raise UserError(
            "task.data.spectra=measured needs the package earthlib, which pip install 'bn-axis-harness[spectra]' "
            "brings on Python 3.11 and later; task.data.spectra_path=FILE.csv takes your own. Received: no earthlib"
        ) from error
    library = earthlib.full_library
    measured = (library.metadata["LEVEL_4"] == "measured").to_numpy()
    return Library(
        "earthlib",
        np.asarray(library.sensor.band_centers, np.float64),
        library.metadata["LEVEL_3"].to_numpy(str)[measured],
        np.asarray(library.data, np.float64)[measured],
    )


def read_table(path: Path) -> Library:
    """Spectra of a CSV file: a header, the wavelengths in the first column and a material in each other one.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    check_file(path, what="a CSV file of spectra")
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise UserError(
            f"expected a CSV file of spectra at {path}. Received: {' '.join(str(error).split())}"
        ) from error
    if table.shape[1] < 3 or len(table) < 2:
        raise UserError(
            f"expected wavelengths and two materials or more in the columns of {path}, and two rows or more. "
            f"Received: {table.shape[1]} columns and {len(table)} rows"
        )
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        found, name = str(table.iat[row, column]), table.columns[column]
        raise UserError(f"expected numbers in {path}. Received: {found} in row {row + 1} of {name}")
    wavelengths, reflectances = values[:, 0], values[:, 1:].T
    if (np.diff(wavelengths) <= 0).any():
        row = int(np.flatnonzero(np.diff(wavelengths) <= 0)[0])
        raise UserError(
            f"expected rising wavelengths in the first column of {path}. "
            f"Received: {wavelengths[row]:g}, then {wavelengths[row + 1]:g}"
        )
    if reflectances.min() < 0 or reflectances.max() > HIGHEST:
        raise UserError(
            f"expected reflectances from 0 to 1 in {path}; those in percent are divided by 100. "
            f"Received: from {reflectances.min():g} to {reflectances.max():g} "
            f"(materials: {list_some([str(name) for name in table.columns[1:]])})"
        )
    return Library(path.name, wavelengths, np.array([str(name) for name in table.columns[1:]]), reflectances)
