"""What may happen to a call instead of, or beside, being answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Fault:
    """First the delay, then `status` instead of the call, or the line cut before or after it is done."""

    delay: float = 0.0
    """Seconds."""
    status: Literal[403, 500, 503] | None = None
    cut: Literal["before", "after"] | None = None


SLOW_DOWN = Fault(status=503)
REFUSED = Fault(status=403)
CUT = Fault(cut="before")
ANSWER_LOST = Fault(cut="after")
"""The call is done, its caller never hears of it."""
