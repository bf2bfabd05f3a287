"""The buckets that a gate may use, by region."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from runtime.gate.settings import GateSettings, prefix_of
from runtime.gate.store import Store, StoreError


class BucketStores:
    """Stores by the settings of the moment. Each ends what it does as soon as `interrupt` is set."""

    def __init__(
        self, rclone: Path, settings: Callable[[], GateSettings], interrupt: threading.Event
    ) -> None:
        self._rclone = rclone
        self._settings = settings
        self._interrupt = interrupt

    def __call__(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        """On the bucket of the region `bucket` and the prefix of the region `writer`; `timeout` in seconds.

        Raises StoreError when the company has no bucket there (any more).
        """
        settings = self._settings()
        if bucket not in settings.buckets:
            raise StoreError(f"the company has no bucket in {bucket}: {sorted(settings.buckets)}")
        more = {} if timeout is None else {"timeout": timeout}
        return Store(
            self._rclone,
            region=bucket,
            bucket=settings.buckets[bucket],
            prefix=prefix_of(writer, settings.namespace, settings.component),
            interrupt=self._interrupt,
            endpoint=settings.endpoint,
            bandwidth_limit=settings.bandwidth_limit,
            transfers=settings.transfers,
            **more,
        )
