"""What runs beside the application: another program rolls region by region, other settings roll nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.stacks import EU, US, WEST
from tests.day_two.conftest import Outage
from tests.day_two.plans import registered
from tests.day_two.stacks import ACME, BASE, CLUSTERS, GLOBEX, edited
from tests.recording import CONFIG_MAP, DEPLOYMENT, STATEFUL_SET

GATES = sorted(
    f"{company}-gate@{CLUSTERS[region]}"
    for company, regions in ((ACME, (US, EU, WEST)), (GLOBEX, (US, EU)))
    for region in regions
)
CONTROLLERS = [f"{folder}-failover-program" for folder in sorted(CLUSTERS.values())]


def test_another_gate_changes_its_config_maps_and_the_pods_that_run_it_and_nothing_else() -> None:
    gate = registered(BASE, BASE, "gate")
    assert gate.kinds == {CONFIG_MAP, STATEFUL_SET}, str(gate)
    assert gate.names(kinds=(CONFIG_MAP,)) == GATES
    assert len(gate.names(kinds=(STATEFUL_SET,))) == 10
    for name in gate.names(kinds=(STATEFUL_SET,)):
        assert all(path.startswith("spec.template.spec.volumes.") for path in gate.changed(name))


def test_another_controller_changes_its_config_maps_and_its_deployments_and_touches_no_company() -> None:
    controller = registered(BASE, BASE, "failover_controller")
    assert controller.kinds == {CONFIG_MAP, DEPLOYMENT}, str(controller)
    assert controller.names(kinds=(CONFIG_MAP,)) == CONTROLLERS
    assert not any(name.startswith((ACME, GLOBEX)) for name in controller.actions)


def test_other_programs_are_new_config_maps_and_what_runs_them_is_updated(outage: Outage) -> None:
    done = outage.programs
    assert done.actions.keys() == registered(BASE, BASE, "gate", "failover_controller").actions.keys()
    assert done.names("replace") == sorted([*GATES, *CONTROLLERS])
    assert done.names("update") == done.names(kinds=(STATEFUL_SET, DEPLOYMENT))


@pytest.mark.parametrize(("company", "order"), [(ACME, [WEST, EU, US]), (GLOBEX, [EU, US])])
def test_it_rolls_through_a_company_s_regions_standby_first(
    outage: Outage, company: str, order: list[str]
) -> None:
    rolled = [step.name for step in outage.programs.where(kinds=(STATEFUL_SET,))]
    own = [name for name in rolled if name.startswith(f"{company}-")]
    regions = [name.partition("@")[2].removesuffix("-statefulset") for name in own]
    assert regions == [region for region in order for _ in range(2)]


def test_the_new_program_is_there_before_a_pod_asks_for_it(outage: Outage) -> None:
    """The old one goes with all that was replaced: at the end of the run, when every pod has rolled."""
    names = [step.name for step in outage.programs]
    for index, name in enumerate(names):
        if name.endswith("-statefulset"):
            company, _, region = name.removesuffix("-statefulset").partition("@")
            program = f"{company.rpartition('-')[0]}-gate@{CLUSTERS[region]}"
            assert names.index(program) < index, name


def test_another_controller_rolls_cluster_by_cluster(outage: Outage) -> None:
    rolled = [step.name for step in outage.programs.where(kinds=(DEPLOYMENT,))]
    # That of the passive region alone goes first.
    assert rolled == [f"{CLUSTERS[region]}-failover-deployment" for region in (WEST, EU, US)]


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
def test_settings_of_what_runs_already_are_updated_and_roll_nothing(
    settings: dict[str, Any], learn: str
) -> None:
    change = registered(BASE, edited(BASE, **settings))
    assert change.rest.actions == {}, str(change)
    assert change.learned and all(name.endswith(learn) for name in change.learned)
    for name in change.learned:
        assert change.changed(name).keys() == {"data.settings.json"}


def test_images_of_programs_are_images_like_any_other() -> None:
    change = registered(BASE, edited(BASE, images={**BASE["images"], "python": "python:3.13.1-slim"}))
    assert change.kinds == {STATEFUL_SET, DEPLOYMENT}
    assert set(change.actions.values()) == {"update"}
