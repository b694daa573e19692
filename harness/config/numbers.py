"""A number that a setting may be: whole or real, and its range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from harness.types import UserError


@dataclass(frozen=True)
class Number:
    """A numeric setting: whole or real, and the range that it must lie in (its ends may be excluded)."""

    low: float
    high: float = math.inf
    whole: bool = False
    above: bool = False
    below: bool = False

    def convert(self, key: str, value: Any) -> float | int:
        """The value as int or float, or a UserError that names the key, the range and what was received."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not self._holds(value):
            raise UserError(f"{key}: expected {self.describe()}. Received: {value}")
        return int(value) if self.whole else float(value)

    def _holds(self, value: float | int) -> bool:
        # Beyond it not every whole number is a float, and JSON's readers may round.
        if self.whole and not (abs(value) <= 2**53 and value == int(value)):
            return False
        inside = self.low <= value <= self.high and value < math.inf
        return inside and not (self.above and value == self.low) and not (self.below and value == self.high)

    def describe(self) -> str:
        """The range in words."""
        kind = "a whole number" if self.whole else "a number"
        low = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        high = "below" if self.below else "at most"
        return f"{kind} {low}" + (f" and {high} {self.high:g}" if math.isfinite(self.high) else "")
