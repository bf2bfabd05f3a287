"""Calls to AWS, or to the local target's emulator, and what their failures mean to an operator."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from clients.aws_session import assuming, aws_session
from ops import local_target
from ops.errors import OperatorError
from ops.local_target import DEFAULT_STATE
from ops.stack import Stack
from ops.terminal import plain
from plan.names import LOCAL
from settings.aws_provider import AwsProvider

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_HOW = "sign in (`aws sso login`), name a profile (AWS_PROFILE), or set AWS_ACCESS_KEY_ID and its secret"
_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "TokenRefreshRequired",
}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "403", "Forbidden"}
_NO_BUCKET = {"NoSuchBucket"}
ROUTE53_REGION = "us-east-1"
"""Route53 has one endpoint, there."""
Described = Mapping[str, Any]
"""A resource as botocore describes it."""
ENABLED_REGION = "us-east-1"
"""Enabled in each account (AWS Account Management Reference Guide, "Enable or disable AWS Regions in
your account")."""


@dataclass(frozen=True, kw_only=True)
class AwsAccess:
    """Clients of a stack's AWS."""

    local: bool
    """An emulator or another S3 API on this machine, not AWS."""
    arguments: Mapping[str, str]
    """Of each client."""
    signer: AwsProvider = field(default_factory=AwsProvider)
    """Whose credentials sign: the same as in a deployment."""

    zone_role: str | None = None
    """The role for the hosted zone, if the zone is in another account."""

    @property
    def home_region(self) -> str:
        """Where to ask what is not of a region: the stack's own may not be enabled in the account."""
        return self.signer.region or ENABLED_REGION

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """`Account` and `Arn` of these credentials. Raises OperatorError."""
        with calling("reading the identity of these credentials"):
            identity: Mapping[str, str] = self.client("sts", self.home_region).get_caller_identity()
        return identity

    def client(self, service: str, region: str) -> Any:
        """Raises OperatorError without credentials."""
        return self._client(service, region)

    def zone_client(self) -> Any:
        """Of Route53, for the hosted zone and its records. Raises OperatorError without credentials."""
        if self.zone_role is None:
            return self.client("route53", ROUTE53_REGION)
        return self._client("route53", ROUTE53_REGION, self.zone_role)

    def _client(self, service: str, region: str, role: str | None = None) -> Any:
        style = {"s3": {"addressing_style": "path"}} if self.local else {}
        config = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, **style)
        with calling("getting AWS credentials"):
            signer = self.signer
            session = aws_session(signer.profile, signer.role_arn, signer.session_name)
            if role is not None:
                session = assuming(session, role)
            return session.client(service, region_name=region, config=config, **self.arguments)


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--state", type=Path, default=DEFAULT_STATE, help="stack local: the state folder of `make up`"
    )


def aws_access(stack: Stack, state: Path) -> AwsAccess:
    """AWS with the stack file's profile and role, else with the ambient credentials; for the stack `local`
    its emulator. Raises OperatorError.
    """
    if stack.name != LOCAL:
        settings = stack.settings
        return AwsAccess(
            local=False, arguments={}, signer=settings.aws, zone_role=settings.hosted_zone_role_arn
        )
    if arguments := local_target.emulator_arguments(state):
        return AwsAccess(local=True, arguments=arguments)
    if endpoint := stack.settings.replication.endpoint:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        return AwsAccess(local=True, arguments={"endpoint_url": endpoint, **keys})
    raise local_target.not_running(state)


@contextmanager
def calling(what: str, bucket: str = "") -> Iterator[None]:
    """Turn errors of AWS into an OperatorError: `what` was called, where, why it failed, what to do."""
    try:
        yield
    except _NO_CREDENTIALS as error:
        raise OperatorError(f"{what}: no AWS credentials: {error}; {_HOW}") from error
    except ClientError as error:
        raise OperatorError(f"{what}: {_meaning(error, bucket)}") from error
    except BotoCoreError as error:
        raise OperatorError(
            f"{what}: {error}; is the network there, and AWS's endpoint reachable?"
        ) from error


def concerns_object(error: ClientError) -> bool:
    """Whether only this object cannot be read: it is missing, archived, or encrypted with somebody's key."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and code not in _EXPIRED | _NO_BUCKET


def _meaning(error: ClientError, bucket: str) -> str:
    answer = error.response.get("Error", {})
    code, text = plain(answer.get("Code", "")), plain(answer.get("Message", ""))
    if code in _EXPIRED:
        return f"these AWS credentials are not valid ({code}: {text}); {_HOW}"
    if code in _NO_BUCKET:
        return (
            f"there is no bucket {bucket} ({code}): is this the stack's account, and has the stack been"
            " deployed with this region (`pulumi up`)?"
        )
    if code in _FORBIDDEN:
        where = f" on the bucket {bucket}" if bucket else ""
        return (
            f"refused{where} ({code}: {text}): these credentials may not {error.operation_name}, or it is"
            " another account's; use the account and a role that administer the stack"
        )
    return f"{error.operation_name}: {code}: {text}"
