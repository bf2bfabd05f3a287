"""Quantities of Kubernetes."""

from __future__ import annotations

import re
from decimal import Decimal

QUANTITY = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
UNITS: dict[str | None, Decimal] = {None: Decimal(1), "m": Decimal("0.001")}
UNITS |= {unit: Decimal(1000**power) for power, unit in enumerate("kMGTPE", start=1)}
UNITS |= {f"{unit}i": Decimal(1024**power) for power, unit in enumerate("KMGTPE", start=1)}


def quantity(value: str) -> Decimal:
    """The number of a Kubernetes quantity: cores for CPU, bytes for memory and storage."""
    match = QUANTITY.fullmatch(value)
    if match is None:
        raise ValueError('must be a Kubernetes quantity such as "500m", "2" or "4Gi"')
    return Decimal(match[1]) * UNITS[match[2]]
