"""The stores of a company: every region's prefix in every region's bucket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from runtime.contracts.gate import GateConfig
from runtime.gate.storage.bucket import Store
from runtime.gate.storage.errors import StoreError
from runtime.gate.storage.keys import prefix_of
from runtime.gate.storage.server_clock import ServerClock


class Stores(Protocol):
    def __call__(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        """On the bucket of the region `bucket` and the prefix of the region `writer`; `timeout` in seconds
        limits each of its operations."""


class BucketStores:
    """The stores of the live config. Each ends what it does as soon as `interrupt` is set."""

    def __init__(self, rclone: Path, config: Callable[[], GateConfig], interrupt: threading.Event) -> None:
        self._rclone = rclone
        self._config = config
        self._interrupt = interrupt
        self._now = ServerClock()

    def __call__(self, bucket: str, writer: str, timeout: float | None = None) -> Store:
        """Raises StoreError when the company has no bucket there (any more)."""
        config = self._config()
        if bucket not in config.buckets:
            raise StoreError(f"no bucket in {bucket}; the company has buckets in {sorted(config.buckets)}")
        return Store(
            self._rclone,
            region=bucket,
            bucket=config.buckets[bucket],
            prefix=prefix_of(writer, config.namespace, config.component),
            interrupt=self._interrupt,
            endpoint=config.endpoint,
            kms_key=config.kms_keys.get(bucket),
            bandwidth_limit=config.bandwidth_limit,
            transfers=config.transfers,
            now=self._now,
            **({} if timeout is None else {"timeout": timeout}),
        )
