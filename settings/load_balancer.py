"""The keys of `loadBalancer`, of all AWS load balancers (`ingress`) and of one region's (`regions[]`)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.json_schema import WithJsonSchema

from settings.values import Cidr, Matching, Model

IDLE_TIMEOUT = "idle_timeout.timeout_seconds"
DEFAULT_ATTRIBUTES = {IDLE_TIMEOUT: "300"}
"""With AWS's default of 60 s a client of a slow language model gets 504."""


KEEP_ALIVE = "client_keep_alive.seconds"
LOGS = ("access_logs", "connection_logs", "health_check_logs")
_FLAG, _ANY = ("true", "false"), ()
ATTRIBUTES: Mapping[str, tuple[str, ...] | range] = {
    **{f"{kind}.s3.enabled": _FLAG for kind in LOGS},
    **{f"{kind}.s3.{part}": _ANY for kind in LOGS for part in ("bucket", "prefix")},
    KEEP_ALIVE: range(60, 604_801),
    "deletion_protection.enabled": _FLAG,
    IDLE_TIMEOUT: range(1, 4001),
    "ipv6.deny_all_igw_traffic": _FLAG,
    "load_balancing.cross_zone.enabled": ("true",),
    "routing.http.desync_mitigation_mode": ("monitor", "defensive", "strictest"),
    "routing.http.drop_invalid_header_fields.enabled": _FLAG,
    "routing.http.preserve_host_header.enabled": _FLAG,
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _FLAG,
    "routing.http.xff_client_port.enabled": _FLAG,
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
    "routing.http2.enabled": _FLAG,
    "waf.fail_open.enabled": _FLAG,
    "zonal_shift.config.enabled": _FLAG,
}
"""Of an Application Load Balancer, with the values that it accepts; () is any text (source: Elastic Load
Balancing API reference, LoadBalancerAttribute)."""


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


AttributeKey = Annotated[
    str,
    Matching(
        r"[a-z0-9_]+(\.[a-z0-9_]+)+",
        "the key of an Application Load Balancer's attribute, such as access_logs.s3.enabled",
    ),
]
_VALUE = r"[^,=\s]+"
AttributeValue = Annotated[
    str,
    BeforeValidator(_as_text),
    Matching(_VALUE, "the value of an attribute, without a comma, an equals sign or a space"),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^({_VALUE})$"}, {"type": ["integer", "boolean"]}]}
    ),
]
SslPolicy = Annotated[
    str,
    Matching(
        "ELBSecurityPolicy-(TLS13-1-[23]|FS-1-2|TLS-1-2)-[A-Za-z0-9-]+",
        "a security policy without TLS before 1.2, such as ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    ),
]
SecurityGroupId = Annotated[
    str, Matching("sg-[0-9a-f]+", "the id of a security group, such as sg-0123456789abcdef0")
]
SubnetId = Annotated[
    str, Matching("subnet-[0-9a-f]+", "the id of a subnet, such as subnet-0123456789abcdef0")
]
WebAclArn = Annotated[
    str,
    Matching(
        r"arn:aws:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/\S+",
        "the ARN of a regional web ACL: arn:aws:wafv2:<region>:<account>:regional/webacl/…",
    ),
]
NetworkBalancerArn = Annotated[
    str,
    Matching(
        r"arn:aws:elasticloadbalancing:[a-z0-9-]+:\d{12}:loadbalancer/net/[A-Za-z0-9-]+/[0-9a-f]+",
        "the ARN of a Network Load Balancer:"
        " arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/net/<name>/<id>",
    ),
]


class IpAddressType(StrEnum):
    IPV4 = "ipv4"
    DUALSTACK = "dualstack"
    DUALSTACK_WITHOUT_PUBLIC_IPV4 = "dualstack-without-public-ipv4"


class LoadBalancer(Model):
    """What the AWS Load Balancer Controller is told about load balancers, beyond what the program needs."""

    attributes: dict[AttributeKey, AttributeValue] = Field(
        default={},
        description="Attributes, such as idle_timeout.timeout_seconds, access_logs.s3.bucket or"
        " deletion_protection.enabled. Default: idle_timeout.timeout_seconds is 300.",
    )
    ip_address_type: IpAddressType | None = Field(
        default=None, description="Required to be dualstack in a cluster with IPv6 pods. Default: ipv4."
    )
    ssl_policy: SslPolicy | None = Field(
        default=None, description="TLS policy. Default: ELBSecurityPolicy-TLS13-1-2-2021-06."
    )
    inbound_cidrs: tuple[Cidr, ...] = Field(
        default=(), description="Networks of the clients. Default: every network."
    )


class RegionLoadBalancer(LoadBalancer):
    """As `ingress.loadBalancer`, for one region, whose values win; and what exists in one region only."""

    security_groups: tuple[SecurityGroupId, ...] = Field(
        default=(), description="Existing security groups, instead of inboundCidrs. Default: a new one."
    )
    subnets: tuple[SubnetId, ...] = Field(
        default=(), description="Subnets in two zones or more. Default: those with the tag of the scheme."
    )
    web_acl_arn: WebAclArn | None = Field(default=None, description="Web ACL of AWS WAF. Default: none.")

    def over(self, stack: LoadBalancer) -> RegionLoadBalancer:
        """The region's values, with the stack's where the region has none."""
        return self.model_copy(
            update={
                "attributes": {**DEFAULT_ATTRIBUTES, **stack.attributes, **self.attributes},
                "ip_address_type": self.ip_address_type or stack.ip_address_type,
                "ssl_policy": self.ssl_policy or stack.ssl_policy,
                "inbound_cidrs": self.inbound_cidrs or (() if self.security_groups else stack.inbound_cidrs),
            }
        )
