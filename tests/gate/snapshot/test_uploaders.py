"""Which uploader a gate uses when its settings change."""

from __future__ import annotations

from dataclasses import replace

from runtime.contracts.gate import GateConfig, Retention
from runtime.gate.snapshot.uploaders import Uploaders
from runtime.gate.snapshot.volume import Volume
from runtime.gate.storage.bucket import Store
from tests.components.stacks import US
from tests.gate.snapshot.company import QuickCompany, QuickStore


def test_an_uploader_lives_as_long_as_its_prefix_and_uses_the_newest_settings(quick: QuickCompany) -> None:
    settings = GateConfig(
        region=US,
        namespace="acme",
        component="brain",
        order=(US,),
        follows=(),
        ranked=False,
        buckets={US: "one"},
    )
    current = [settings]

    def stores(bucket: str, writer: str, timeout: float | None = None) -> Store:
        assert writer == US
        return QuickStore(current[0].buckets[bucket])

    uploaders = Uploaders(Volume(quick.root, "brain"), stores)
    first = uploaders(settings)
    first_store = first.store
    again = uploaders(replace(settings, retention=Retention(daily_days=7)))

    assert again is first and again.store is not first_store and again.retention.daily_days == 7
    current[0] = replace(settings, buckets={US: "another"})
    assert uploaders(current[0]) is not first
