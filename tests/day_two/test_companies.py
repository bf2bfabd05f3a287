"""A company joins, leaves and returns, gets other images or keys: nothing of another company changes."""

from __future__ import annotations

import json

import pytest

from tests.components.stacks import EU, IMAGE, US, WEST
from tests.day_two.paper import Plan, deploy, deployed, edited, plan, refusal
from tests.day_two.stacks import ACME, BASE, GLOBEX, INITECH, company, without
from tests.day_two.test_regions import assert_taken_over
from tests.recording import NAMESPACE, RECORD, SECRET, STATEFUL_SET, VOLUME_CLAIM

KEPT = {NAMESPACE, VOLUME_CLAIM}
CONTROLLERS = [f"eks-{folder}-failover-settings" for folder in (f"{EU}-green", f"{US}-blue", f"{WEST}-green")]


def of_others(change: Plan, name: str) -> list[str]:
    """What is changed that is not the company's own; records of trees belong to no single company."""
    return [one for one in change.actions if not one.startswith(f"{name}-") and "._tree" not in one]


def test_a_company_that_joins_changes_nothing_of_the_others() -> None:
    change = plan(BASE, edited(BASE, lambda raw: raw["companies"].insert(0, {"name": INITECH})))
    assert change.learned == CONTROLLERS
    change = change.rest
    assert of_others(change, INITECH) == [], str(change)
    assert set(change.actions.values()) == {"create"}
    assert not any("._tree" in name for name in change.actions)  # it shares acme's


@pytest.mark.parametrize("name", [ACME, GLOBEX])
def test_a_company_that_leaves_keeps_its_namespaces_and_volumes_and_the_plan_says_so(name: str) -> None:
    change = plan(BASE, edited(BASE, without(name)))
    # The controllers look at one company less, where it lived.
    assert change.learned == (
        CONTROLLERS if name == ACME else [one for one in CONTROLLERS if WEST not in one]
    )
    change = change.rest
    # Where nobody lives any more, nothing is checked.
    assert of_others(change, name) == ([f"{WEST}-check@{WEST}"] if name == ACME else []), str(change)
    assert change.names("create", "update", "replace") == []
    assert {step.entry["type"] for step in change.where("keep")} == KEPT
    assert change.names("delete", kinds=(NAMESPACE, VOLUME_CLAIM)) == []
    assert all("not deleted" in str(step) for step in change.where("keep"))
    regions = 3 if name == ACME else 2
    assert len(change.names("keep", kinds=(VOLUME_CLAIM,))) == 2 * regions
    assert len(change.names("keep", kinds=(NAMESPACE,))) == regions


def test_a_company_that_returns_adopts_what_was_kept() -> None:
    _, state = deploy(BASE, edited(BASE, without(GLOBEX)))
    assert not any(GLOBEX in one["name"] for one in state.resources.values())
    change = plan(state, BASE).rest
    assert of_others(change, GLOBEX) == [], str(change)
    assert set(change.actions.values()) == {"create"}
    for name, one in change.registered.items():
        if name.startswith(f"{GLOBEX}-") and one.type in KEPT:
            assert_taken_over(change, name)
    _, state = deploy(state, BASE)
    assert plan(state, BASE).actions == {}


def test_a_protected_company_is_not_removed_until_its_protection_is_off() -> None:
    guarded = edited(BASE, company(GLOBEX, protect=True))
    gone = edited(BASE, without(GLOBEX))
    assert plan(BASE, guarded).actions == {}
    change = plan(guarded, gone)
    assert len(change.refusals) == 6  # two namespaces, four volumes
    assert all("is protected: set protect: false first" in text for text in change.refusals)
    assert "is protected: set protect: false first" in refusal(guarded, gone)
    _, state = deploy(guarded, BASE)
    assert plan(state, gone).refusals == []
    assert deploy(state, gone)[0].names("keep", kinds=(VOLUME_CLAIM,)) != []


def test_a_company_s_other_settings_change_that_company_alone() -> None:
    resources = {"limits": {"cpu": "3", "memory": "6Gi"}}
    change = plan(BASE, edited(BASE, company(GLOBEX, brain={"resources": resources}, edge=2)))
    others = [name for name in of_others(change, GLOBEX) if "-edge-2-" not in name and "-2" not in name]
    assert others == [], str(change)
    assert change.names("replace", "keep") == []


def test_another_image_updates_the_stateful_sets_and_nothing_else() -> None:
    change = plan(BASE, edited(BASE, images={"agency": f"{IMAGE}-next"}))
    assert change.kinds == {STATEFUL_SET}
    assert set(change.actions.values()) == {"update"}
    assert len(change.actions) == 10
    for name in change.actions:
        changed = change.changed(name)
        assert all(path.endswith(".image") for path in changed)
        assert all(path.startswith("spec.template.spec.") for path in changed)


def test_rotated_keys_update_the_secret_and_roll_the_pods_of_that_company() -> None:
    before = edited(BASE, company(GLOBEX, apiKeys={"OPENAI_API_KEY": "sk-first"}))
    change = plan(before, edited(before, company(GLOBEX, apiKeys={"OPENAI_API_KEY": "sk-second"})))
    assert set(change.actions.values()) == {"update"}
    assert change.kinds == {SECRET, STATEFUL_SET}
    assert len(change.names(kinds=(SECRET,))) == 2
    assert len(change.names(kinds=(STATEFUL_SET,))) == 4
    assert all(name.startswith(f"{GLOBEX}-") for name in change.actions)
    for name in change.names(kinds=(STATEFUL_SET,)):
        assert list(change.changed(name)) == ["spec.template.metadata.annotations.agency.global/api-keys"]
    told = json.dumps(deployed(before).resources) + "".join(
        str(one) for step in change for one in step.changed
    )
    assert "sk-" not in told
    assert "c2st" not in told  # the same in base64


def test_rolls_go_through_the_regions_of_a_company_one_after_another_standby_first() -> None:
    done, _ = deploy(BASE, edited(BASE, images={"agency": f"{IMAGE}-next"}))
    order = [step.entry["name"] for step in done if step.entry["name"].startswith(f"{ACME}-")]
    regions = [name.partition("@")[2].removesuffix("-statefulset") for name in order]
    assert regions == [WEST] * 2 + ["eu-west-1"] * 2 + [US] * 2


def test_names_stay_while_a_company_moves_between_regions() -> None:
    change = plan(BASE, edited(BASE, company(GLOBEX, regions=[US])))
    gates = [f"{GLOBEX}-{kind}@{US}-config" for kind in ("agent", "brain")]
    # Where it never was there is nothing to learn.
    assert change.learned == sorted([*gates, f"eks-{EU}-green-failover-settings", CONTROLLERS[1]])
    change = change.rest
    assert change.names("update", kinds=(RECORD,)) == [f"{GLOBEX}-name"]
    assert change.names("replace") == []
    assert of_others(change, GLOBEX) == []
