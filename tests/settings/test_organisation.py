"""What an organisation demands: the keys, and the examples of docs/organisation.md beside required keys."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest
import yaml

from settings import from_config, parse
from settings.load_balancer import ATTRIBUTES, IpAddressType
from tests.components.stacks import eks, stack
from tests.recording import ROOT
from tests.settings.edits import EU, US, edited, on_eks, put
from tests.strategies import config_of

EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "organisation.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_part_of_a_valid_stack_file(text: str) -> None:
    base = {f"digital-agency:{key}": value for key, value in stack(regions=[eks(US), eks(EU)]).items()}
    merged: dict[str, Any] = base | yaml.safe_load(text)["config"]
    own = {key.removeprefix("digital-agency:"): value for key, value in merged.items() if "aws:" not in key}
    aws = {key: value if isinstance(value, str) else json.dumps(value) for key, value in merged.items()}
    from_config(aws | config_of(own), "prod")


def test_the_page_has_an_example_of_every_kind() -> None:
    assert len(EXAMPLES) == 8


def test_every_key_of_load_balancers_is_read_under_its_name() -> None:
    arn = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/b"
    stack_wide = {
        "attributes": {"idle_timeout.timeout_seconds": 900, "deletion_protection.enabled": True},
        "ipAddressType": "dualstack",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "inboundCidrs": ["10.0.0.0/8"],
    }
    own = {
        "attributes": {"access_logs.s3.enabled": True, "access_logs.s3.bucket": "logs-us"},
        "securityGroups": ["sg-0a"],
        "subnets": ["subnet-0a", "subnet-0b"],
        "webAclArn": arn,
    }
    settings = parse(
        edited(on_eks, put("ingress.loadBalancer", stack_wide), put("regions[0].loadBalancer", own)), "prod"
    )
    us, eu = (settings.load_balancer_of(region) for region in settings.regions)
    assert us.attributes == {
        "idle_timeout.timeout_seconds": "900",
        "deletion_protection.enabled": "true",
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": "logs-us",
    }
    assert (us.security_groups, us.subnets, us.web_acl_arn) == (("sg-0a",), ("subnet-0a", "subnet-0b"), arn)
    # The existing security groups decide who may connect.
    assert (us.inbound_cidrs, eu.inbound_cidrs) == ((), ("10.0.0.0/8",))
    assert us.ip_address_type is eu.ip_address_type is IpAddressType.DUALSTACK
    assert us.ssl_policy == eu.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    plain = parse(edited(on_eks), "prod")
    assert plain.load_balancer_of(plain.regions[0]).attributes == {"idle_timeout.timeout_seconds": "300"}


def test_the_attributes_are_those_that_aws_documents() -> None:
    path = Path(botocore.__file__).parent / "data/elbv2/2015-12-01/service-2.json.gz"
    shapes = json.loads(gzip.decompress(path.read_bytes()))["shapes"]
    documented = re.findall(
        r"<code>([a-z0-9_]+(?:\.[a-z0-9_]+)+)</code>", json.dumps(shapes["LoadBalancerAttribute"])
    )
    of_network = {"dns_record.client_routing_policy", "secondary_ips.auto_assigned.per_subnet"}
    assert set(ATTRIBUTES) == set(documented) - of_network


def test_a_prefix_begins_the_names_of_all_roles() -> None:
    prefixed, plain = parse(edited(put("namePrefix", "acme")), "prod"), parse(edited(), "prod")
    assert plain.role_names("prod").company_gate(US, "brain", "client-a").startswith(f"client-a-{US}-")
    assert (
        prefixed.role_names("prod").company_gate(US, "brain", "client-a").startswith(f"acme-client-a-{US}-")
    )
    assert (prefixed.resource_prefix, plain.resource_prefix) == ("acme", "agency.example.com")
