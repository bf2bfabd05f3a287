"""The keys of a company (an item of `companies`) and their defaults, without rules over several keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from plan.names import namespace_of
from settings.values import (
    Bytes,
    CompanyName,
    Cpu,
    EnvironmentName,
    Flag,
    Model,
    ObjectName,
    RegionName,
    SecretValue,
    Whole,
)


class AccessMode(StrEnum):
    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class Amounts(Model):
    cpu: Cpu | None = Field(
        default=None, description="In cores: `500m` is half a core. Default: the component's."
    )
    memory: Bytes | None = Field(default=None, description="In bytes, such as 4Gi. Default: the component's.")

    def over(self, default: Amounts) -> Amounts:
        return Amounts(cpu=self.cpu or default.cpu, memory=self.memory or default.memory)


class Resources(Model):
    """Requests and limits of a container; missing amounts have the component's defaults."""

    requests: Amounts = Field(default=Amounts(), description="Reserved for the container; at most `limits`.")
    limits: Amounts = Field(default=Amounts(), description="The most that the container may use.")

    def over(self, default: Resources) -> Resources:
        """These resources, with the default's amounts where they have none."""
        return Resources(
            requests=self.requests.over(default.requests), limits=self.limits.over(default.limits)
        )


def resources(requests: tuple[str, str], limits: tuple[str, str]) -> Resources:
    """Resources from pairs of CPU and memory."""
    return Resources(
        requests=Amounts(cpu=requests[0], memory=requests[1]), limits=Amounts(cpu=limits[0], memory=limits[1])
    )


AGENT_RESOURCES = resources(("1000m", "2Gi"), ("2000m", "4Gi"))
BRAIN_RESOURCES = resources(("500m", "1Gi"), ("1000m", "2Gi"))
HEALTH_MONITOR_RESOURCES = resources(("100m", "256Mi"), ("500m", "512Mi"))
"""Source of all three: the sizes of the application's published chart."""


class Agent(Model):
    """Size of a company's Agent in each region. `resources` are those of the agent container."""

    resources: Annotated[Resources, AfterValidator(lambda own: own.over(AGENT_RESOURCES))] = Field(
        default=AGENT_RESOURCES,
        description="Resources of the agent container. Default: 1 to 2 cores, 2Gi to 4Gi.",
    )
    storage: Bytes = Field(
        default="1Gi", description="Size of the `.agent` volume in bytes; can grow later. Default: 1Gi."
    )
    access_mode: AccessMode = Field(
        default=AccessMode.READ_WRITE_ONCE,
        description="Access mode of the volume. Default: ReadWriteOnce (a single replica).",
    )
    replicas: Whole = Field(
        default=1, ge=1, le=10, description="Pods in each region; several require ReadWriteMany. Default: 1."
    )
    mount_brain: Flag = Field(
        default=False,
        description="Mount the Brain's volume at .agent/brain; requires ReadWriteMany there. Default: false.",
    )


class Brain(Model):
    """Size of a company's Brain in each region. `resources` are those of the brain container."""

    resources: Annotated[Resources, AfterValidator(lambda own: own.over(BRAIN_RESOURCES))] = Field(
        default=BRAIN_RESOURCES,
        description="Resources of the brain container. Default: half a core to 1 core, 1Gi to 2Gi.",
    )
    storage: Bytes = Field(
        default="10Gi", description="Size of the memory's volume in bytes; can grow later. Default: 10Gi."
    )
    access_mode: AccessMode = Field(
        default=AccessMode.READ_WRITE_ONCE,
        description="Access mode of the volume. Default: ReadWriteOnce (a single replica).",
    )
    replicas: Whole = Field(
        default=1, ge=1, le=10, description="Pods in each region; several require ReadWriteMany. Default: 1."
    )


class ApiKeys(Model):
    """Keys of model providers: `{secretName: …}`, an existing Secret, or values that become one."""

    FORMS: ClassVar[str] = "{secretName: <an existing Secret>}, or {<VARIABLE>: <secret value>, …}"

    secret_name: ObjectName | None = Field(default=None, description="An existing Secret.")
    values: dict[EnvironmentName, SecretValue] = Field(
        default={}, description="Variables and their secret values."
    )

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, raw: Any) -> Any:
        """`{OPENAI_API_KEY: …}` is short for `{values: {OPENAI_API_KEY: …}}`."""
        if not isinstance(raw, dict) or "values" in raw:
            return raw
        rest = {key: value for key, value in raw.items() if key != "secretName"}
        return {key: raw[key] for key in raw if key == "secretName"} | ({"values": rest} if rest else {})

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.secret_name is None) == (not self.values):
            raise ValueError(f"must be one of {self.FORMS}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        name, values = handler.resolve_ref_schema(handler(core))["properties"].values()
        variables = {"type": "object", "patternProperties": values["patternProperties"], "minProperties": 1}
        existing = {**name["anyOf"][0], "description": "Name of a Secret that exists in the namespace."}
        long_forms = [
            {"type": "object", "properties": {key: schema}, "required": [key], "additionalProperties": False}
            for key, schema in (("secretName", existing), ("values", variables))
        ]
        return {"description": cls.__doc__ or "", "anyOf": [*long_forms, variables]}


class Company(Model):
    """A tenant, with its own namespace in each of its clusters, its own volumes and its own prefixes."""

    FORMS: ClassVar[str] = (
        "a company's name (in quotes if YAML reads it as another type), or a mapping of its keys"
    )

    name: CompanyName = Field(
        description="Letters, digits, _ and -. Namespace and host are the name in lower case, with - for _."
    )
    regions: tuple[RegionName, ...] | None = Field(
        default=None,
        min_length=1,
        description="Its regions; for policy failover in order of preference. Default: all regions.",
    )
    edge: Whole = Field(
        default=1,
        ge=1,
        le=99,
        description="Number of the load balancer that serves it in each region. Default: 1.",
    )
    agent: Agent = Field(default=Agent(), description="Size of its Agents.")
    brain: Brain = Field(default=Brain(), description="Size of its Brains.")
    api_keys: ApiKeys | None = Field(default=None, description="Keys of model providers. Default: none.")
    dedicated_health_checks: Flag = Field(
        default=False, description="Its own health checks and records; requires failover. Default: false."
    )
    protect: Flag = Field(
        default=False,
        description="true: its volumes cannot be deleted until this is false. Default: false.",
    )

    @property
    def namespace(self) -> str:
        return namespace_of(self.name)
