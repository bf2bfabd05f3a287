"""The time in the test service: of each version, and of each answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

from moto.s3 import models


class ServiceClock:
    """Moto's S3 has this time from now on; `now` may be replaced at any moment."""

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.time
        """Seconds since the epoch."""
        self._last = datetime.min
        self._same = 0
        vars(models)["utcnow"] = self._utcnow

    def date(self) -> str:
        """The header `Date`."""
        return formatdate(self.now(), usegmt=True)

    def _utcnow(self) -> datetime:
        """Never twice the same, as moto and the replication order versions by it."""
        now = datetime.fromtimestamp(self.now(), UTC).replace(tzinfo=None)
        self._same = self._same + 1 if now == self._last else 0
        self._last = now
        return now + timedelta(microseconds=self._same)
