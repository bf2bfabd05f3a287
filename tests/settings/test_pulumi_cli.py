"""Values as the Pulumi CLI hands them to a program: all top-level scalars are text, the rest is JSON."""

from __future__ import annotations

import pytest

from settings import SettingsError, from_config, parse
from settings.aws_provider import AwsProvider
from tests.settings.edits import edited
from tests.settings.test_every_key import every_key
from tests.strategies import config_of


def test_values_of_the_pulumi_cli_are_read_as_what_they_mean() -> None:
    raw = every_key()
    config = config_of(raw)
    assert config["digital-agency:podUser"] == "20002"
    assert config["digital-agency:waitForReady"] == "false"
    assert from_config(config, "prod") == parse(raw, "prod")


def test_values_of_other_projects_are_left_alone_and_the_provider_s_region_is_kept() -> None:
    config = config_of(every_key()) | {
        "aws:region": "us-east-1",
        "other:domain": "x",
        "digital-agency-reports:y": "1",
    }
    settings = parse(every_key(), "prod").with_provider(AwsProvider(region="us-east-1"))
    assert from_config(config, "prod") == settings


def test_text_that_looks_like_a_number_stays_text_where_text_is_meant() -> None:
    config = config_of(edited()) | {"digital-agency:domain": "12"}
    with pytest.raises(SettingsError, match=r'digital-agency:domain: must be a DNS name.*, got "12"'):
        from_config(config, "prod")


def test_text_where_json_is_meant_is_reported_as_it_came() -> None:
    config = config_of(edited()) | {
        "digital-agency:regions": "[us-east-1",
        "digital-agency:podUser": "9" * 5000,
    }
    with pytest.raises(SettingsError) as raised:
        from_config(config, "prod")
    pod_user, regions = str(raised.value).splitlines()
    assert pod_user.startswith(
        'digital-agency:podUser: must be a whole number from 1 to 2147483647, got "9999'
    )
    assert regions == 'digital-agency:regions: must be a list, got "[us-east-1"'
