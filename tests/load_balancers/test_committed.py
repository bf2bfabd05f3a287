"""The committed stack files, and others like them, brought to load balancers by the real controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.stacks import US, stack
from tests.load_balancers.judge import Judge
from tests.recording import ROOT, record, record_file
from tests.services import until


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_a_committed_stack_gets_the_load_balancers_that_its_plan_promises(judge: Judge, path: Path) -> None:
    judge.check(record_file(path))


def test_an_edge_finds_its_certificate_before_any_company_is_there(judge: Judge) -> None:
    """Of a stack without a hosted zone, whose certificate the program does not create."""
    run = record(stack(companies=[], loadBalancing={"manager": "external-dns"}, hostedZoneId=None))
    certificate = judge.apply(run)[US]
    until(lambda: _certificates(judge) == [certificate], "HTTPS has it")


def _certificates(judge: Judge) -> list[str]:
    listeners = [
        listener
        for balancer in judge._balancers()
        for listener in judge.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])[
            "Listeners"
        ]
    ]
    return [each["CertificateArn"] for one in listeners for each in one.get("Certificates", ())]
