"""Deployments while a region is flagged, in real clusters: what the controller wrote stays."""

from __future__ import annotations

from tests.day_two import flags
from tests.day_two.conftest import Outage
from tests.day_two.running import Running
from tests.day_two.stacks import ACME, INITECH
from tests.recording import RECORD


def test_a_deployment_of_nothing_new_is_none_while_a_region_is_flagged(outage: Outage) -> None:
    """With a look at what is really there, as `make up` does: flags and Lease are no drift."""
    assert outage.nothing.actions == {}


def test_an_image_other_programs_and_much_else_can_be_deployed_and_the_flags_stay(outage: Outage) -> None:
    assert outage.flags == [flags.WRITTEN] * 4
    assert f"{ACME}-gate@{flags.FOLDER}" in outage.programs.names("replace")
    assert f"{flags.FOLDER}-failover-program" in outage.programs.names("replace")
    much = outage.much
    assert f"{ACME}-name" in much.names("update", kinds=(RECORD,))  # a role
    assert any(name.endswith("-config") for name in much.learned)  # settings of gates
    assert any(name.startswith(INITECH) for name in much.names("create"))
    assert not [name for name in much.actions if name.endswith("-failover-lease")]


def test_the_test_can_fail_a_deployment_that_declares_flags_resets_them(
    running: Running, outage: Outage
) -> None:
    declared = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "failed-regions", "namespace": ACME},
        "data": {"failedRegions": ""},
    }
    applied = f"{flags.path_of(ACME)}?fieldManager=digital-agency&force=true"
    api = running.clusters.api(flags.CLUSTER)
    flags.write(running)
    api.call("PATCH", applied, declared, "application/apply-patch+yaml")
    assert flags.written(running) != flags.WRITTEN
