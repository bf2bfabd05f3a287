"""The Uploader of a live config."""

from __future__ import annotations

from runtime.contracts.gate import GateConfig
from runtime.gate.snapshot.scan import OnIgnored, unreported
from runtime.gate.snapshot.upload import Uploader
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.stores import Stores


class Uploaders:
    """The Uploader of the own bucket and prefix: the same one until the config names another."""

    def __init__(self, volume: Volume, stores: Stores, on_ignored: OnIgnored = unreported) -> None:
        self._volume = volume
        self._stores = stores
        self._on_ignored = on_ignored
        self._uploader: Uploader | None = None

    def __call__(self, config: GateConfig) -> Uploader:
        store = self._stores(config.region, config.region)
        if self._uploader is None or str(self._uploader.store) != str(store):
            self._uploader = Uploader(
                self._volume,
                store,
                region=config.region,
                retention=config.retention,
                on_ignored=self._on_ignored,
            )
        self._uploader.store, self._uploader.retention = store, config.retention
        return self._uploader
