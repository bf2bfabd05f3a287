"""An account for each test."""

from __future__ import annotations

import uuid

import pytest

from local.aws.emulator import Emulator, ensure_hosted_zone
from local.aws.provider.api import AwsApi
from tests.aws_provider.account import Account
from tests.aws_provider.cases import ZONE


@pytest.fixture(scope="session")
def api(emulator: Emulator) -> AwsApi:
    ensure_hosted_zone(emulator.url, ZONE, "example.com")
    return AwsApi(emulator.environment())


@pytest.fixture
def account(emulator: Emulator, api: AwsApi) -> Account:
    """With names that no other test has."""
    return Account(emulator, api, f"t{uuid.uuid4().hex[:10]}")
