"""Calls to the AWS emulator with parameters fitted to botocore's own service models."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any

import boto3
import jmespath
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import Emulator
from local.files import LocalError

Values = dict[str, Any]
CONNECTIONS = 32

FUNCTIONS = {
    "getCallerIdentity": (
        "sts",
        "get_caller_identity",
        "{accountId: Account, arn: Arn, userId: UserId, id: Account}",
    ),
    "getCluster": (
        "eks",
        "describe_cluster",
        "cluster.{id: name, name: name, arn: arn, endpoint: endpoint, status: status, version: version,"
        " certificateAuthorities: [certificateAuthority], identities: [{oidcs: [identity.oidc]}],"
        " vpcConfig: resourcesVpcConfig}",
    ),
    "getSubnets": ("ec2", "describe_subnets", "{ids: Subnets[].SubnetId, id: 'subnets'}"),
    "getSubnet": ("ec2", "describe_subnets", "Subnets[0].{id: SubnetId, cidrBlock: CidrBlock, vpcId: VpcId}"),
}
"""Functions of the Pulumi provider: service, call, and what to take from its answer (JMESPath)."""


class ApiError(LocalError):
    """The emulator refused a call; `code` is AWS's."""

    def __init__(self, call: str, code: str, message: str) -> None:
        super().__init__(f"{call}: {code}: {message}")
        self.code = code

    @property
    def not_found(self) -> bool:
        return self.code == "404" or any(part in str(self) for part in ("NotFound", "NoSuch", "not found"))


class Client:
    """One service in one region. Calls are named as in boto3."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.region: str = client.meta.region_name

    def shape(self, call: str) -> Any:
        """Of a call's parameters, as botocore models it."""
        operation = self._client.meta.method_to_api_mapping[call]
        return self._client.meta.service_model.operation_model(operation).input_shape

    def send(self, call: str, parameters: Values) -> Values:
        try:
            return dict(getattr(self._client, call)(**parameters))
        except ClientError as error:
            refusal = error.response["Error"]
            raise ApiError(call, refusal["Code"], refusal["Message"]) from None
        except BotoCoreError as error:
            raise LocalError(f"{call}: {error}") from None

    def list(self, call: str) -> Values:
        """All pages of a listing as one."""
        return dict(self._client.get_paginator(call).paginate().build_full_result())


class AwsApi:
    """The emulator's clients, made once. Without an emulator every call raises LocalError."""

    def __init__(self, emulator: Emulator | None) -> None:
        self._emulator = emulator
        self.instance = emulator.instance if emulator else ""
        self._lock, self._clients = threading.Lock(), dict[tuple[str, str], Client]()

    def invoke(self, token: str, args: Values, region: str) -> Values:
        """What a function of the Pulumi provider answers, asked of the emulator."""
        name = token.rpartition(":")[2]
        if name not in FUNCTIONS:
            raise LocalError(f"the embedded engine does not know the function {token}: use the pulumi CLI")
        service, call, expression = FUNCTIONS[name]
        given = {"filters": [{"name": "subnet-id", "values": [args["id"]]}]} if "id" in args else args
        client = self.client(service, args.get("region") or region)
        answer = client.send(call, fit(given, client.shape(call), {}))
        return dict(jmespath.search(expression, answer) or {})

    def client(self, service: str, region: str) -> Client:
        if self._emulator is None:
            raise LocalError("the AWS emulator does not run")
        with self._lock:
            if (service, region) not in self._clients:
                settings = Config(max_pool_connections=CONNECTIONS, retries={"mode": "standard"})
                given = self._emulator.credentials()
                made = boto3.client(service, region_name=region, config=settings, **given)
                self._clients[service, region] = Client(made)
            return self._clients[service, region]


def fit(value: Any, shape: Any, names: Mapping[str, str], beside: Collection[str] | None = None) -> Any:
    """Pulumi's properties in the names and types of one of AWS's shapes.

    A property goes to the member of the same letters, a plural s aside, or to the one that `names` gives it.
    With `beside`, every property must have a member or be in it: else LocalError.
    """
    if shape.type_name == "structure":
        return _structure(value, shape.members, names, beside)
    if shape.type_name == "list":
        if isinstance(value, Mapping) and "Key" in getattr(shape.member, "members", {}):
            return [{"Key": key, "Value": item} for key, item in value.items()]
        items = value if isinstance(value, list) else [value]
        return [fit(item, shape.member, names, beside) for item in items]
    if shape.type_name in ("integer", "long"):
        return int(value)
    return str(value) if shape.type_name == "string" and not isinstance(value, str) else value


def _structure(
    value: Any, members: Mapping[str, Any], names: Mapping[str, str], beside: Collection[str] | None
) -> Values:
    if not isinstance(value, Mapping):
        return {next(iter(members)): value}
    found = {_letters(name): name for name in value}
    wanted = {member: found.get(_letters(names.get(member, member))) for member in members}
    fitted = {member: name for member, name in wanted.items() if name is not None}
    if beside is not None and (left := value.keys() - set(fitted.values()) - set(beside)):
        raise LocalError(f"the embedded engine has no place for {', '.join(sorted(left))}")
    within = None if beside is None else ()
    return {member: fit(value[name], members[member], names, within) for member, name in fitted.items()}


def _letters(name: str) -> str:
    return name.lower().removesuffix("s")
