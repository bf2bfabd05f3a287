"""What runs beside the application: another program rolls region by region, other settings roll nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from components import runtime_programs
from components.runtime_programs import Program
from tests.components.stacks import EU, US, WEST
from tests.day_two.paper import Plan, deploy, deployed, edited, plan
from tests.day_two.stacks import ACME, BASE, GLOBEX
from tests.recording import CONFIG_MAP, DEPLOYMENT, STATEFUL_SET

CLUSTERS = {EU: f"eks-{EU}-green", US: f"eks-{US}-blue", WEST: f"eks-{WEST}-green"}


@contextmanager
def another(program: str) -> Iterator[Program]:
    """The program with one line more."""
    read = getattr(runtime_programs, program)
    one: Program = read()
    path = max(one.files)
    other = replace(one, files={**one.files, path: f"{one.files[path]}\n# more\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime_programs, program, lambda: other)
        yield other


@pytest.fixture(scope="module")
def gate() -> Plan:
    deployed(BASE)
    with another("gate"):
        done, _ = deploy(BASE, BASE)
    return done


@pytest.fixture(scope="module")
def controller() -> Plan:
    deployed(BASE)
    with another("failover_controller"):
        done, _ = deploy(BASE, BASE)
    return done


def test_another_gate_changes_its_config_maps_and_the_pods_that_run_it_and_nothing_else(gate: Plan) -> None:
    assert gate.kinds == {CONFIG_MAP, STATEFUL_SET}, str(gate)
    programs = sorted(
        f"{company}-gate@{CLUSTERS[region]}"
        for company, regions in ((ACME, (US, EU, WEST)), (GLOBEX, (US, EU)))
        for region in regions
    )
    assert gate.names("replace") == programs
    assert gate.names("update") == gate.names(kinds=(STATEFUL_SET,))
    assert len(gate.names("update")) == 10
    for name in gate.names("update"):
        assert all(path.startswith("spec.template.spec.volumes.") for path in gate.changed(name))


@pytest.mark.parametrize(("company", "order"), [(ACME, [WEST, EU, US]), (GLOBEX, [EU, US])])
def test_it_rolls_through_a_company_s_regions_standby_first(
    gate: Plan, company: str, order: list[str]
) -> None:
    rolled = [step.entry["name"] for step in gate.where(kinds=(STATEFUL_SET,))]
    own = [name for name in rolled if name.startswith(f"{company}-")]
    regions = [name.partition("@")[2].removesuffix("-statefulset") for name in own]
    assert regions == [region for region in order for _ in range(2)]


def test_the_new_program_is_there_before_a_pod_asks_for_it(gate: Plan) -> None:
    """The old one goes with all that was replaced: at the end of the run, when every pod has rolled."""
    names = [step.entry["name"] for step in gate]
    for index, name in enumerate(names):
        if name.endswith("-statefulset"):
            company, _, region = name.removesuffix("-statefulset").partition("@")
            program = f"{company.rpartition('-')[0]}-gate@{CLUSTERS[region]}"
            assert names.index(program) < index, name


def test_another_controller_rolls_cluster_by_cluster_and_touches_no_company(controller: Plan) -> None:
    assert controller.kinds == {CONFIG_MAP, DEPLOYMENT}, str(controller)
    assert controller.names("replace") == [
        f"{folder}-failover-program" for folder in sorted(CLUSTERS.values())
    ]
    rolled = [step.entry["name"] for step in controller.where(kinds=(DEPLOYMENT,))]
    # That of the passive region alone goes first.
    assert rolled == [f"{CLUSTERS[region]}-failover-deployment" for region in (WEST, EU, US)]
    assert not any(name.startswith((ACME, GLOBEX)) for name in controller.actions)


@pytest.mark.parametrize(
    ("settings", "learn"),
    [
        ({"replication": {"syncInterval": 5}}, "-config"),
        ({"replication": {"bandwidthLimit": "1M", "transfers": 1}}, "-config"),
        ({"replication": {"retention": {"dailyDays": 7}}}, "-config"),
        ({"failover": {"intervalSeconds": 9, "failureThreshold": 5}}, "-failover-settings"),
    ],
    ids=["syncInterval", "limits", "retention", "failover"],
)
def test_settings_of_what_runs_already_are_told_and_roll_nothing(
    settings: dict[str, Any], learn: str
) -> None:
    change = plan(BASE, edited(BASE, **settings))
    assert change.rest.actions == {}, str(change)
    assert change.learned and all(name.endswith(learn) for name in change.learned)
    for name in change.learned:
        assert change.changed(name).keys() == {"data.settings.json"}


def test_images_of_programs_are_images_like_any_other() -> None:
    change = plan(BASE, edited(BASE, images={**BASE["images"], "python": "python:3.13.1-slim"}))
    assert change.kinds == {STATEFUL_SET, DEPLOYMENT}
    assert set(change.actions.values()) == {"update"}
