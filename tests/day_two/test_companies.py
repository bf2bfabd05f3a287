"""A company joins, leaves and returns, gets other images or keys: nothing of another company changes."""

from __future__ import annotations

import base64
import json

import pytest

from local.machine.files import LocalError
from tests.components.stacks import EU, US, WEST
from tests.day_two.conftest import Outage
from tests.day_two.plans import Plan, registered
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, BASE, CLUSTERS, GLOBEX, INITECH, company, edited, without
from tests.recording import NAMESPACE, RECORD, SECRET, STATEFUL_SET, VOLUME_CLAIM

KEPT = {NAMESPACE, VOLUME_CLAIM}
CONTROLLERS = [f"{CLUSTERS[name]}-failover-settings" for name in (EU, US, WEST)]
GONE = edited(BASE, without(GLOBEX))
PROTECTED = edited(BASE, company(GLOBEX, protect=True))


def of_others(change: Plan, name: str) -> list[str]:
    """What is changed that is not the company's own; records of trees belong to no single company."""
    return [
        action for action in change.actions if not action.startswith(f"{name}-") and "._tree" not in action
    ]


def test_a_company_that_joins_changes_nothing_of_the_others() -> None:
    change = registered(BASE, edited(BASE, lambda raw: raw["companies"].insert(0, {"name": INITECH})))
    assert change.learned == CONTROLLERS
    change = change.rest
    assert of_others(change, INITECH) == [], str(change)
    assert set(change.actions.values()) == {"create"}
    assert not any("._tree" in name for name in change.actions)  # it shares acme's


@pytest.mark.parametrize("name", [ACME, GLOBEX])
def test_a_company_that_leaves_keeps_its_namespaces_and_volumes(name: str) -> None:
    change = registered(BASE, edited(BASE, without(name)))
    # The controllers look at one company less, where it lived.
    assert change.learned == (
        CONTROLLERS if name == ACME else [controller for controller in CONTROLLERS if WEST not in controller]
    )
    change = change.rest
    # Where nobody lives any more, nothing is checked.
    assert of_others(change, name) == ([f"{WEST}-check@{WEST}"] if name == ACME else []), str(change)
    assert change.names("create", "update") == []
    assert {step.type for step in change.where("keep")} == KEPT
    assert change.names("delete", kinds=(NAMESPACE, VOLUME_CLAIM)) == []
    regions = 3 if name == ACME else 2
    assert len(change.names("keep", kinds=(VOLUME_CLAIM,))) == 2 * regions
    assert len(change.names("keep", kinds=(NAMESPACE,))) == regions


@pytest.mark.slow
def test_a_company_that_returns_takes_over_its_own_namespaces_and_volumes(running: Running) -> None:
    running.at(BASE)
    uids = running.clusters.uids(GLOBEX)
    assert len(uids) == 6
    gone = running.deploy(BASE, GONE)
    assert gone.actions == registered(BASE, GONE).actions
    assert all("(retained: " in str(step) for step in gone.where("keep"))
    assert not any(f"::{GLOBEX}-" in resource["urn"] for resource in running.resources())
    assert running.clusters.uids(GLOBEX) == uids

    back = running.deploy(GONE, PROTECTED).rest
    assert of_others(back, GLOBEX) == [], str(back)
    assert set(back.actions.values()) == {"create"}
    assert {step.type for step in back} >= KEPT
    assert running.clusters.uids(GLOBEX) == uids


@pytest.mark.slow
def test_a_namespace_of_somebody_else_is_not_taken_over(running: Running) -> None:
    """Its pods would get a quota and a default deny. The preview says so already."""
    running.at(BASE)
    api, path = running.clusters.api(f"{US}-blue"), "/api/v1/namespaces/argocd"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "argocd"}})
    before = api.call("GET", path)["metadata"]["labels"]
    wanted = edited(BASE, lambda raw: raw["companies"].append({"name": "argocd", "regions": [US]}))
    assert "the namespace argocd exists and is not a company's" in running.refusal(BASE, wanted)
    with pytest.raises(LocalError, match="the namespace argocd exists and is not a company's"):
        running.up(wanted)
    assert api.call("GET", path)["metadata"]["labels"] == before


@pytest.mark.slow
def test_a_protected_company_is_not_removed_until_its_protection_is_off(running: Running) -> None:
    refusal = running.refusal(PROTECTED, GONE)
    assert "cannot be deleted" in refusal
    assert "because it is protected" in refusal
    assert running.deploy(PROTECTED, BASE).actions == {}
    assert isinstance(running.preview(GONE), Plan)


def test_a_company_s_other_settings_change_that_company_alone() -> None:
    resources = {"limits": {"cpu": "3", "memory": "6Gi"}}
    change = registered(BASE, edited(BASE, company(GLOBEX, brain={"resources": resources}, edge=2)))
    others = [name for name in of_others(change, GLOBEX) if "-edge-2-" not in name and "-2" not in name]
    assert others == [], str(change)
    assert change.names("keep") == []
    assert change.names("update", kinds=(STATEFUL_SET,)) == [
        f"{GLOBEX}-brain@{at}-statefulset" for at in (EU, US)
    ]


@pytest.mark.slow
def test_another_image_updates_the_stateful_sets_and_nothing_else(outage: Outage) -> None:
    change = outage.image
    assert change.kinds == {STATEFUL_SET}, str(change)
    assert set(change.actions.values()) == {"update"}
    assert len(change.actions) == 10
    for name in change.actions:
        changed = change.changed(name)
        assert changed and all(path.endswith(".image") for path in changed)
        assert all(path.startswith("spec.template.spec.") for path in changed)


@pytest.mark.slow
def test_rotated_keys_update_the_secret_and_roll_the_pods_of_that_company(running: Running) -> None:
    rotated = company(GLOBEX, apiKeys={"OPENAI_API_KEY": {"secure": "sk-second"}})
    change = running.plan(BASE, edited(BASE, rotated))
    assert set(change.actions.values()) == {"update"}, str(change)
    assert change.kinds == {SECRET, STATEFUL_SET}
    assert len(change.names(kinds=(SECRET,))) == 2
    assert len(change.names(kinds=(STATEFUL_SET,))) == 4
    assert all(name.startswith(f"{GLOBEX}-") for name in change.actions)
    for name in change.names(kinds=(STATEFUL_SET,)):
        assert list(change.changed(name)) == ["spec.template.metadata.annotations.agency.global/api-keys"]
    shown = running.stored() + json.dumps([[step.old, step.new] for step in change])
    assert "api-keys" in shown
    for key in (b"sk-first", b"sk-second"):
        assert key.decode() not in shown
        assert base64.b64encode(key).decode() not in shown


@pytest.mark.slow
@pytest.mark.parametrize(("company", "order"), [(ACME, [WEST, EU, US]), (GLOBEX, [EU, US])])
def test_rolls_go_through_the_regions_of_a_company_one_after_another_standby_first(
    outage: Outage, company: str, order: list[str]
) -> None:
    own = [step.name for step in outage.image if step.name.startswith(f"{company}-")]
    regions = [name.partition("@")[2].removesuffix("-statefulset") for name in own]
    assert regions == [region for region in order for _ in range(2)]


def test_names_stay_while_a_company_moves_between_regions() -> None:
    change = registered(BASE, edited(BASE, company(GLOBEX, regions=[US])))
    gates = [f"{GLOBEX}-{kind}@{US}-config" for kind in ("agent", "brain")]
    # Where it never was there is nothing to learn.
    assert change.learned == sorted([*gates, *CONTROLLERS[:2]])
    change = change.rest
    assert change.names("update", kinds=(RECORD,)) == [f"{GLOBEX}-name"]
    assert change.changed(f"{GLOBEX}-name").keys() == {"aliases.0.name"}
    assert change.names("update") == [f"{GLOBEX}-name"]
    assert of_others(change, GLOBEX) == []
