"""A company's volume grows in place; what an existing volume can't become is refused, with the reason."""

from __future__ import annotations

import pytest

from tests.components.stacks import EU, US, WEST
from tests.day_two.paper import edited, plan, refusal
from tests.day_two.stacks import ACME, BASE, company, region
from tests.recording import STATEFUL_SET, VOLUME_CLAIM

VOLUMES = [f"{ACME}-brain@{name}-volume" for name in sorted((US, EU, WEST))]


@pytest.mark.parametrize(("size", "old"), [("20Gi", "10Gi"), ("5Gi", "10Gi")])
def test_another_size_is_an_update_of_that_volume_alone(size: str, old: str) -> None:
    """Smaller, too: only the API server knows how large the volume is, and refuses (`tests/api_server`)."""
    change = plan(BASE, edited(BASE, company(ACME, brain={"storage": size})))
    assert change.actions == dict.fromkeys(VOLUMES, "update"), str(change)
    for name in VOLUMES:
        assert change.changed(name) == {"spec.resources.requests.storage": (old, size)}


def test_another_storage_class_is_refused_with_the_reason() -> None:
    after = edited(BASE, region(US, storageClass="io2"))
    change = plan(BASE, after)
    assert len(change.refusals) == 4  # Agent and Brain of two companies
    assert all(f"/brain-{US}" in text or f"/agent-{US}" in text for text in change.refusals)
    assert all('spec.storageClassName: "gp3" → "io2"' in text for text in change.refusals)
    assert change.kinds == {VOLUME_CLAIM}
    assert "its data is kept" in refusal(BASE, after)


def test_another_access_mode_is_refused_with_the_reason() -> None:
    after = edited(BASE, company(ACME, brain={"accessMode": "ReadWriteMany"}))
    change = plan(BASE, after)
    assert len(change.refusals) == len(VOLUMES)
    assert all('"ReadWriteOnce" → "ReadWriteMany"' in text for text in change.refusals)
    assert change.kinds <= {VOLUME_CLAIM, STATEFUL_SET}
    assert not change.names("delete")
    assert "can't change in place" in refusal(BASE, after)
