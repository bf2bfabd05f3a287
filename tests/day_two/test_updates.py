"""Settings that change what runs: the engine does each in place."""

from __future__ import annotations

from tests.components.stacks import US
from tests.day_two.plans import registered
from tests.day_two.running import Running
from tests.day_two.stacks import BASE, GLOBEX, company, edited, region
from tests.recording import DEPLOYMENT, SECRET, STATEFUL_SET, VOLUME_CLAIM
from tests.strategies import Raw


def much() -> Raw:
    """All of the settings at once that change objects, and neither add nor remove any."""

    def edit(raw: Raw) -> None:
        resources = {"limits": {"cpu": "3", "memory": "6Gi"}}
        company(GLOBEX, brain={"resources": resources, "storage": "20Gi"}, apiKeys=KEYS)(raw)
        region(US, nodeSelector={"disk": "ssd"}, ingressFrom=["10.1.0.0/24"])(raw)

    return edited(
        BASE,
        edit,
        images={"agency": "registry.example.com/agency:2", "python": "python:3.13.1-slim"},
        environment={"LOG_LEVEL": "debug"},
        failover={"intervalSeconds": 9, "failureThreshold": 5},
        network={"monitoringNamespace": "monitoring"},
        podUser=1000,
        replication={"syncInterval": 5, "transfers": 1, "deleteMarkers": True},
    )


KEYS = {"OPENAI_API_KEY": {"secure": "sk-second"}}


def test_what_the_program_registers_otherwise_the_engine_updates_in_place(running: Running) -> None:
    change = running.plan(BASE, much())
    assert change.actions == registered(BASE, much()).actions, str(change)
    assert set(change.actions.values()) == {"update"}
    assert change.kinds > {DEPLOYMENT, SECRET, STATEFUL_SET, VOLUME_CLAIM}
    assert change.learned
