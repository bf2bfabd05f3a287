"""Changes of the stack file alone that break a promise: the settings or the pack reject each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulumi import RunError

from policy_pack.running import run
from tests.components.stacks import US
from tests.policy_pack.changes import COMPANIES_KEY
from tests.policy_pack.ordinary import OIDC, changed, company, irsa, region
from tests.policy_pack.test_pack import messages
from tests.recording import record
from tests.strategies import Raw


def egress(*openings: tuple[str, int]) -> Callable[[Raw], Any]:
    return lambda raw: raw["network"].update(
        extraEgress=[{"cidr": cidr, "port": port} for cidr, port in openings]
    )


def environment(**values: str) -> Callable[[Raw], Any]:
    return lambda raw: raw.update(environment=values)


def images(**values: Any) -> Callable[[Raw], Any]:
    return lambda raw: raw["images"].update(values)


def of_two_accounts(raw: Raw) -> None:
    irsa(raw)
    raw["regions"][2]["cluster"]["oidcProviderArn"] = OIDC.replace("123456789012", "999999999999")


BROKEN: dict[str, Callable[[Raw], Any]] = {
    "egress in halves": egress(("0.0.0.0/1", 5432), ("128.0.0.0/1", 5432)),
    "egress in halves beside HTTPS": egress(("0.0.0.0/1", 443), ("128.0.0.0/1", 443)),
    "egress to everything": egress(("0.0.0.0/0", 22)),
    "egress to all of IPv6": egress(("::/0", 25)),
    "egress to all of IPv6 in quarters": egress(
        *((f"{part}::/2", 25) for part in ("0", "4000", "8000", "c000"))
    ),
    "egress to the node's credentials": egress(("169.254.169.254/32", 80)),
    "egress around link-local": egress(("169.0.0.0/8", 443)),
    "egress to metadata by IPv6": egress(("fd00:ec2::254/128", 80)),
    "senders: everybody": region(ingressFrom=["0.0.0.0/0"]),
    "senders in halves": region(ingressFrom=["0.0.0.0/1", "128.0.0.0/1"]),
    "senders by IPv6": region(2, ingressFrom=["2000::/3"]),
    "an image that moves": images(agency="registry.example.com/agency:latest"),
    "an image without a tag": images(rclone="rclone/rclone"),
    "an image without a demanded digest": images(requireDigests=True),
    "a digest that is none": images(agency="registry.example.com/agency@sha256:1234"),
    "a key in the environment": environment(GITHUB_TOKEN="abcdef0123456789"),
    "a password in a URL": environment(DATABASE_URL="postgres://agency:hunter22@db.example.com/agency"),
    "a key of a known format": environment(NOTES="it is sk-abcdefghijklmnopqrstuvwx"),
    "certificates that are not checked": environment(NODE_TLS_REJECT_UNAUTHORIZED="0"),
    "data off its volume": environment(BRAIN_STORAGE_ROOT="/tmp"),
    "another S3": lambda raw: raw.update(replication={"endpoint": "http://203.0.113.7"}),
    "root": lambda raw: raw.update(podUser=0),
    "monitoring by a company": lambda raw: raw["network"].update(monitoringNamespace="acme"),
    "monitoring by the platform": lambda raw: raw["network"].update(
        monitoringNamespace="digital-agency-system"
    ),
    "ingress by a company": lambda raw: raw.update(
        ingress={"className": "nginx", "namespace": "acme"},
        regions=[{**each, "endpoint": f"lb.{each['name']}.example.net"} for each in raw["regions"]],
    ),
    "a namespace of the system": company(name="kube-system"),
    "a namespace of two companies": company(name="A"),
    "a host of an edge": company(name=US),
    "several pods for one volume": company(brain={"replicas": 2}),
    "no active region": lambda raw: [each.update(active=False) for each in raw["regions"]],
    "replication to itself": region(replicateTo=[US]),
    "roles of two accounts": of_two_accounts,
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_stack_file_that_breaks_a_promise_is_rejected(change: Callable[[Raw], Any]) -> None:
    raw = changed(change)
    try:
        registrations = record(raw, stack="prod", secret_keys=[COMPANIES_KEY]).by_urn
    except RunError:
        return  # by the settings
    assert messages(run(registrations))
