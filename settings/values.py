"""Value types of a stack file: strings with their own grammar, and their error messages."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SecretStr,
    Strict,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema

from plan.quantities import QUANTITY, UNITS, quantity

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_PATH_PART}(?:/{_PATH_PART})*"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_CPU = 'must be an amount of CPU in cores, such as "500m" or "2"'
_BYTES = "must be an amount in bytes of 1Mi or more, such as 512Mi or 4Gi"


@cache
def aws_regions() -> frozenset[str]:
    """The regions of the commercial AWS partition that S3 and Route53 know (source: botocore's data files).

    The files are read directly: importing botocore's session takes most of a second.
    """
    data = files("botocore").joinpath("data")
    partitions = json.loads(data.joinpath("partitions.json").read_text(encoding="utf-8"))
    commercial = next(each for each in partitions["partitions"] if each["id"] == "aws")
    shapes = (
        ("s3/2006-03-01", "BucketLocationConstraint"),
        ("route53/2013-04-01", "ResourceRecordSetRegion"),
    )
    known = [set(_shape(data.joinpath(path, "service-2.json.gz"), shape)["enum"]) for path, shape in shapes]
    return frozenset({"us-east-1", *known[0]}.intersection(known[1], commercial["regions"]))


def _shape(model: Traversable, name: str) -> dict[str, Any]:
    """A shape of a service's model in botocore."""
    shape: dict[str, Any] = json.loads(gzip.decompress(model.read_bytes()))["shapes"][name]
    return shape


def tag_of(image: str) -> str | None:
    """The tag or digest that pins an image; None without both."""
    match = _IMAGE.fullmatch(image)
    return match and (match["digest"] or match["tag"])


def digest_of(image: str) -> str | None:
    match = _IMAGE.fullmatch(image)
    return match and match["digest"]


class Matching:
    """Text that matches a pattern. `description` says in messages what the text must be."""

    def __init__(self, pattern: str | re.Pattern[str], description: str) -> None:
        self.pattern, self.description = re.compile(pattern), description

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return AfterValidator(self._check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # JSON schemas use JavaScript's expressions, without named groups.
        return {**handler(core), "pattern": f"^({re.sub(r'[?]P<[a-z]+>', '', self.pattern.pattern)})$"}

    def _check(self, value: str) -> str:
        if not self.pattern.fullmatch(value):
            raise ValueError(f"must be {self.description}")
        return value


class _AwsRegion:
    """A region's name. The list is read on first use, not at import."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return AfterValidator(self._check).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(core), "enum": sorted(aws_regions())}

    @staticmethod
    def _check(value: str) -> str:
        if value not in aws_regions():
            raise ValueError("must be the name of an AWS region (commercial partition), such as us-east-1")
        return value


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _cpu(value: str) -> str:
    match = QUANTITY.fullmatch(value)
    if not match or match[2] not in (None, "m") or not quantity(value) or quantity(value) % UNITS["m"]:
        raise ValueError(_CPU)
    return value


def _bytes(value: str) -> str:
    if not QUANTITY.fullmatch(value) or quantity(value) < UNITS["Mi"]:
        raise ValueError(_BYTES)
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value if "/" in value else ""))
    except ValueError:
        raise ValueError(
            "must be a network in CIDR notation without host bits, such as 10.0.0.0/24"
        ) from None


def is_encrypted(value: Any) -> bool:
    """Whether a value of a stack file is encrypted by the Pulumi CLI."""
    return isinstance(value, dict) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _secret(value: Any) -> Any:
    """An encrypted leaf as text, for programs that cannot decrypt it."""
    return f"[secure {value['secure']}]" if is_encrypted(value) else value


def _quantity_schema(suffixes: str) -> WithJsonSchema:
    text = {"type": "string", "pattern": rf"^\d+(\.\d+)?({suffixes})?$"}
    return WithJsonSchema({"anyOf": [text, {"type": "number", "exclusiveMinimum": 0}]})


_ENCRYPTED = {
    "type": "object",
    "properties": {"secure": {"type": "string", "description": "Encrypted by the Pulumi CLI."}},
    "required": ["secure"],
    "additionalProperties": False,
}

Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Cpu = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_cpu), _quantity_schema("m")]
Bytes = Annotated[
    str, BeforeValidator(_number_as_text), AfterValidator(_bytes), _quantity_schema("k|[MGTPE]|[KMGTPE]i")
]
DnsName = Annotated[
    str,
    Matching(
        rf"(?=.{{1,253}}$)({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?",
        "a DNS name in lower case, such as agency.example.com",
    ),
]
DnsLabel = Annotated[
    str, Matching(_LABEL, "a DNS label: at most 63 of a-z, 0-9 and -, without - at its ends")
]
ObjectName = Annotated[
    str,
    Matching(
        rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*",
        "the name of a Kubernetes object: a-z, 0-9, - and ., beginning and ending with a letter or a digit",
    ),
]
RegionName = Annotated[str, _AwsRegion()]
GeoCode = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": "^(default|AF|AN|AS|EU|NA|OC|SA|country:[A-Z]{2})$"})
]
Cidr = Annotated[
    str,
    AfterValidator(_network),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9a-fA-F:.]+/\d{1,3}$"}),
]
Image = Annotated[str, Matching(_IMAGE, "an image reference such as registry.example.com/agency:1.4.2")]
Port = Annotated[Whole, Field(ge=1, le=65535)]
Seconds = Annotated[Whole, Field(ge=1, le=3600)]
SecretValue = Annotated[
    SecretStr,
    BeforeValidator(_secret),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, _ENCRYPTED]}),
]
CompanyName = Annotated[
    str, Matching("[a-zA-Z0-9_-]{1,63}", "1 to 63 of a-z, A-Z, 0-9, _ and - (the application's rule)")
]
HostedZoneId = Annotated[
    str, Matching("Z[A-Z0-9]{1,31}", "a Route53 hosted zone's id, such as Z0123456789ABCDEFGHIJ")
]
EksName = Annotated[
    str, Matching("[0-9A-Za-z][A-Za-z0-9_-]{0,99}", "an EKS cluster's name, such as prod-blue")
]
ContextName = Annotated[
    str,
    Matching(r"(?=.*[A-Za-z0-9])[^\n]+", "the name of a context of the kubeconfig, with a letter or a digit"),
]
_RATE = r"(off|(?!0+(\.0+)?[kMGT])\d{1,9}(\.\d{1,3})?[kMGT])"
_BANDWIDTH = rf"{_RATE}(:{_RATE})?"
Bandwidth = Annotated[
    str,
    # YAML 1.1 reads `off` as false.
    BeforeValidator(lambda value: "off" if value is False else value),
    Matching(
        _BANDWIDTH,
        "off, bytes per second such as 10M (k, M, G or T, as in rclone), or upload:download such as 10M:off",
    ),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^({_BANDWIDTH})$"}, {"const": False}]}),
]
HttpUrl = Annotated[
    str, Matching(r"https?://[^\s/?#]+/?", "the URL of a server, such as http://10.88.0.1:5000")
]
HttpsUrl = Annotated[str, Matching(r"https://\S+", "a URL that begins with https://")]
Base64 = Annotated[str, Matching("[A-Za-z0-9+/=_-]+", "base64 on one line, as EKS shows it")]
OidcProviderArn = Annotated[
    str,
    Matching(
        r"arn:aws:iam::\d{12}:oidc-provider/\S+",
        "the ARN of an IAM OIDC provider: arn:aws:iam::<account>:oidc-provider/…",
    ),
]
CertificateArn = Annotated[
    str,
    Matching(
        r"arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/\S+",
        "the ARN of an ACM certificate: arn:aws:acm:<region>:<account>:certificate/…",
    ),
]
AnnotationPrefix = Annotated[
    str,
    Matching(
        rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*/",
        "the prefix of annotations, such as external-dns.kubernetes.io/",
    ),
]
IngressController = Annotated[
    str,
    Matching(
        rf"(?=.{{1,250}}$){_LABEL}(\.{_LABEL})*/[A-Za-z0-9._~/-]+",
        "the spec.controller of an IngressClass, such as ingress.k8s.aws/alb",
    ),
]
EnvironmentName = Annotated[
    str, Matching("[A-Z][A-Z0-9_]*", "the name of an environment variable, such as OPENAI_API_KEY")
]
LabelKey = Annotated[
    str,
    Matching(
        rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([A-Za-z0-9_.-]{{0,61}}[A-Za-z0-9])?",
        "the key of a node's label, such as node.kubernetes.io/instance-type",
    ),
]
LabelValue = Annotated[
    str,
    Matching(
        "([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?",
        "the value of a label: at most 63 letters, digits, _, . and -",
    ),
]


class Model(BaseModel):
    """A mapping of a stack file: its keys are the fields in camelCase, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    FORMS: ClassVar[str] = "a mapping of keys to values"
    """The allowed forms, for messages about other values."""
