"""How Go prints floating-point numbers."""

from __future__ import annotations

import math
from decimal import Decimal


def as_json(number: float) -> str:
    """As encoding/json: decimal from 1e-6 to below 1e21."""
    if number and not 1e-6 <= abs(number) < 1e21:
        return _scientific(number).replace("e-0", "e-")
    return _decimal(number)


def as_text(number: float) -> str:
    """As fmt's `%v`: decimal from 1e-4 to below 1e6."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
    return _decimal(number) if not number or -4 <= _exact(number).adjusted() < 6 else _scientific(number)


def _exact(number: float) -> Decimal:
    """The shortest decimal that is this number."""
    return Decimal(repr(number)).normalize()


def _decimal(number: float) -> str:
    return f"{_exact(number):f}"


def _scientific(number: float) -> str:
    exact = _exact(number)
    sign, digits, _ = exact.as_tuple()
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    exponent = exact.adjusted()
    mark = "-" if exponent < 0 else "+"
    return f"{'-' * sign}{first}{'.' * bool(rest)}{rest}e{mark}{abs(exponent):02}"
