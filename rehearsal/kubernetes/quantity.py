"""Quantities, such as 500m, 2 or 1.5Gi, as the API server reads and writes them."""

from __future__ import annotations

import re
from decimal import Decimal

FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?")
DECIMAL = {"E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "n": -9}
BINARY = {"Ei": 6, "Pi": 5, "Ti": 4, "Gi": 3, "Mi": 2, "Ki": 1}


def is_one(value: object) -> bool:
    return not isinstance(value, bool) and FORM.fullmatch(str(value)) is not None


def amount(value: object) -> Decimal:
    """The number that it stands for. Raises ValueError when it is none."""
    found = FORM.fullmatch(str(value))
    if not found:
        raise ValueError(f"{value!r} is no quantity, such as 500m, 2 or 1.5Gi")
    number, exponent, suffix = found[1], found[2], found[3] or ""
    if suffix in BINARY:
        return Decimal(number) * Decimal(1024) ** BINARY[suffix]
    return Decimal(f"{number}{exponent or ''}") * Decimal(10) ** DECIMAL[suffix]


def canonical(value: object) -> str:
    """As the server writes it: a whole number with the largest suffix that leaves it whole."""
    number, text = amount(value), str(value)
    if not number:
        return "0"
    if text.endswith("i") and number == number.to_integral_value():
        for suffix, power in BINARY.items():
            if not number % 1024**power:
                return f"{int(number) // 1024**power}{suffix}"
        return str(int(number))
    if re.search(r"[eE][+-]?\d", text):
        return text
    for suffix, power in DECIMAL.items():
        scaled = number / Decimal(10) ** power
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return text
