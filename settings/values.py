"""Value types of a stack file: strings with a grammar of their own, each with what is accepted in its error."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_DNS_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_IMAGE = re.compile(r"(?P<name>[a-z0-9][\w.:/-]*?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?")
_UNITS = {
    None: Decimal(1), "m": Decimal("0.001"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
}  # fmt: skip


def quantity(value: str) -> Decimal:
    """The number that a Kubernetes quantity stands for: cores for CPU, bytes for memory and storage."""
    match = _QUANTITY.fullmatch(value)
    if match is None:
        raise ValueError('a Kubernetes quantity such as "500m", "2" or "4Gi"')
    return Decimal(match[1]) * _UNITS[match[2]]


@cache
def aws_regions() -> frozenset[str]:
    """The regions of the commercial AWS partition (source: botocore's own data)."""
    from botocore.session import Session

    return frozenset(Session().get_available_regions("s3", partition_name="aws"))


def tag_of(image: str) -> str | None:
    """The tag or digest that pins an image; None when there is neither."""
    match = _IMAGE.fullmatch(image)
    return match and (match["digest"] or match["tag"])


def _must(pattern: re.Pattern[str], accepted: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(accepted)
        return value

    return AfterValidator(check)


def _positive_quantity(value: str) -> str:
    if quantity(value) <= 0:
        raise ValueError("a quantity above zero")
    return value


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("a network in CIDR form without host bits, such as 10.0.0.0/24") from None


def _region(value: str) -> str:
    if value not in aws_regions():
        raise ValueError("the name of an AWS region (commercial partition), such as us-east-1")
    return value


def _secret(value: Any) -> Any:
    """An encrypted leaf of a stack file that only the Pulumi CLI can read stands for itself."""
    if isinstance(value, dict) and set(value) == {"secure"}:
        return f"[secure {value['secure']}]"
    return value


DnsName = Annotated[str, _must(_DNS_NAME, "a DNS name in lower case, such as agency.example.com")]
DnsLabel = Annotated[str, _must(_DNS_LABEL, "a DNS label: at most 63 of a-z, 0-9 and -, not at its ends a -")]
RegionName = Annotated[str, AfterValidator(_region)]
Quantity = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_positive_quantity)]
Cidr = Annotated[str, AfterValidator(_network)]
Image = Annotated[str, _must(_IMAGE, "an image reference such as registry.example.com/agency:1.4.2")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
SecretValue = Annotated[SecretStr, BeforeValidator(_secret)]
CompanyName = Annotated[
    str, _must(re.compile(r"[a-zA-Z0-9_-]{1,63}"), "1 to 63 of a-z, A-Z, 0-9, _ and - (the application's rule)")
]
HostedZoneId = Annotated[
    str, _must(re.compile(r"Z[A-Z0-9]{1,31}"), "a Route53 hosted zone's id, such as Z0123456789ABCDEFGHIJ")
]
EnvironmentName = Annotated[
    str, _must(re.compile(r"[A-Z][A-Z0-9_]*"), "the name of an environment variable, such as OPENAI_API_KEY")
]
