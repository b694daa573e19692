"""What our grammar of overrides has beside Hydra's: grids at equal ratios.

Hydra holds arguments to a function's annotations as they are at run time, so here they are not put off to strings.
"""

import math

from hydra.core.override_parser.types import ChoiceSweep

from harness.types import UserError


def log_grid(low: int | float, high: int | float, count: int) -> ChoiceSweep:
    """`log(1e-4,1e-1,7)` in an override: so many values from low to high at equal ratios, to six digits.

    Raises:
        UserError: bounds that have no logarithm or are in the wrong order, or fewer than two values.
    """
    if not 0 < low < high < math.inf or count < 2:
        received = f"log({low},{high},{count})"
        raise UserError(f"log(low,high,count): expected 0 < low < high and a count of at least 2. Received: {received}")
    ratio = (high / low) ** (1 / (count - 1))
    values = [float(f"{low * ratio**index:.6g}") for index in range(count)]
    return ChoiceSweep(list=[*values[:-1], float(high)])
