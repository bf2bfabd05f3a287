"""Sessions of AWS: whose credentials sign, as the AWS provider chooses them (`settings/aws_provider.py`)."""

from __future__ import annotations

import boto3
import botocore.session
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError


def aws_session(
    profile: str | None, role_arn: str | None = None, session_name: str | None = None
) -> boto3.session.Session:
    """With the profile's credentials, else the ambient ones; with a role, with those of the role.

    Raises NoCredentialsError or another BotoCoreError.
    """
    session = boto3.session.Session(profile_name=profile)
    return session if role_arn is None else assuming(session, role_arn, session_name)


def assuming(
    session: boto3.session.Session, role_arn: str, session_name: str | None = None
) -> boto3.session.Session:
    """With the credentials of a role that the session's credentials may assume, renewed in time."""
    source = session.get_credentials()
    if source is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=source,
        role_arn=role_arn,
        extra_args={"RoleSessionName": session_name} if session_name else {},
    )
    assumed = botocore.session.get_session()
    assumed._credentials = DeferredRefreshableCredentials(
        refresh_using=fetcher.fetch_credentials, method="assume-role"
    )
    return boto3.session.Session(botocore_session=assumed)
