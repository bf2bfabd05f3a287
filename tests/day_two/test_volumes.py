"""What an existing volume can't become is refused before anything is changed, with the reason."""

from __future__ import annotations

import re

import pytest

from local.machine.files import LocalError
from tests.components.stacks import EU, US, WEST
from tests.day_two.plans import registered
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, BASE, GLOBEX, company, edited, region
from tests.recording import STATEFUL_SET, VOLUME_CLAIM
from tests.strategies import Raw

VOLUMES = [f"{ACME}-brain@{name}-volume" for name in sorted((US, EU, WEST))]
ADVICE = "an existing volume keeps its storage class and its access mode, and cannot shrink"
OTHER_CLASS: Raw = edited(BASE, region(US, storageClass="io2"))
FIXED = "spec is immutable after creation"


def refused(refusal: str) -> set[str]:
    """Names of the volumes for which the refusal gives advice."""
    return set(re.findall(rf"^(\S+): {ADVICE}", refusal, re.MULTILINE))


@pytest.mark.parametrize(("size", "old"), [("20Gi", "10Gi"), ("5Gi", "10Gi")])
def test_another_size_is_an_update_of_that_volume_alone(size: str, old: str) -> None:
    change = registered(BASE, edited(BASE, company(ACME, brain={"storage": size})))
    assert change.actions == dict.fromkeys(VOLUMES, "update"), str(change)
    for name in VOLUMES:
        assert change.changed(name) == {"spec.resources.requests.storage": (old, size)}


def test_the_engine_lets_a_volume_grow(running: Running) -> None:
    change = running.plan(BASE, edited(BASE, company(ACME, brain={"storage": "20Gi"})))
    assert change.actions == dict.fromkeys(VOLUMES, "update"), str(change)


def test_a_smaller_volume_is_refused_with_the_reason(running: Running) -> None:
    refusal = running.refusal(BASE, edited(BASE, company(ACME, brain={"storage": "5Gi"})))
    assert "field can not be less than status.capacity" in refusal
    assert refused(refusal) and refused(refusal) <= set(VOLUMES)


def test_another_access_mode_is_refused_with_the_reason(running: Running) -> None:
    after = edited(BASE, company(ACME, brain={"accessMode": "ReadWriteMany"}))
    refusal = running.refusal(BASE, after)
    assert FIXED in refusal
    assert refused(refusal) and refused(refusal) <= set(VOLUMES)
    assert registered(BASE, after).kinds <= {VOLUME_CLAIM, STATEFUL_SET}


def test_another_storage_class_is_refused_with_the_reason(running: Running) -> None:
    own = {f"{company}-{kind}@{US}-volume" for company in (ACME, GLOBEX) for kind in ("agent", "brain")}
    refusal = running.refusal(BASE, OTHER_CLASS)
    assert FIXED in refusal
    assert refused(refusal) and refused(refusal) <= own
    assert set(registered(BASE, OTHER_CLASS).actions) == own


def test_without_a_preview_another_storage_class_fails_and_every_volume_stays(running: Running) -> None:
    """`pulumi up --skip-preview`: the old class in the stack file again is all that is needed then."""
    running.at(BASE)
    uids = running.clusters.uids(ACME)
    with pytest.raises(LocalError, match=FIXED):
        running.up(OTHER_CLASS)
    assert running.clusters.uids(ACME) == uids
    assert set(running.up(BASE).kinds) <= {VOLUME_CLAIM}
    assert running.clusters.uids(ACME) == uids
    assert running.plan(BASE, BASE).actions == {}
