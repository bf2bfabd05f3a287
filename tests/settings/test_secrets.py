"""No error shows a secret, wherever the secret is in the file."""

from __future__ import annotations

from typing import Any

import pytest

from settings import SettingsError, from_config
from tests.settings.edits import drop, edited, put
from tests.strategies import Raw, config_of

KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c"
COMPANY = {"name": "client-a", "apiKeys": {"OPENAI_API_KEY": KEY}}

MISTAKES = {
    "companies as a mapping": edited(put("companies", COMPANY)),
    "companies as text": edited(put("companies", f"[{{name: a, apiKeys: {{OPENAI_API_KEY: {KEY}}}}}]")),
    "a company in a list of its own": edited(put("companies", [[COMPANY]])),
    "a company as text": edited(put("companies[0]", f"client-a apiKeys={KEY}")),
    "keys among the top-level keys": edited(put("apiKeys", {"OPENAI_API_KEY": KEY})),
    "a key under a name of its own": edited(put("companies[0].openai", KEY)),
    "a key in a mapping of its own": edited(put("companies[0].providers", {"openai": [KEY]})),
    "a misspelt key": edited(put("companies[0].apikeyz", KEY)),
    "a key of the agent": edited(put("companies[0].agent", {"env": {"OPENAI_API_KEY": KEY}})),
    "a key in the environment": edited(put("environment", {"OPENAI_API_KEY": KEY})),
    "a key as a list": edited(put("companies[0].apiKeys", {"OPENAI_API_KEY": [KEY]})),
    "keys as a list": edited(put("companies[0].apiKeys", [{"OPENAI_API_KEY": KEY}])),
    "both forms": edited(put("companies[0].apiKeys", {"secretName": "x", "OPENAI_API_KEY": KEY})),
    "the right form beside another mistake": edited(put("companies[0]", COMPANY), drop("domain")),
    "a region with keys": edited(put("regions[1].apiKeys", {"OPENAI_API_KEY": KEY})),
}


@pytest.mark.parametrize("raw", MISTAKES.values(), ids=MISTAKES.keys())
def test_an_error_does_not_show_the_secret(raw: Raw) -> None:
    with pytest.raises(SettingsError) as raised:
        from_config(config_of(raw), "prod")
    error = raised.value
    for text in (
        str(error),
        repr(error),
        repr(error.problems),
        repr(error.__cause__),
        repr(error.__context__),
    ):
        assert KEY not in text


@pytest.mark.parametrize("place", ["companies[0].edge", "domain", "regions[1].weight", "environment.LEVEL"])
def test_an_encrypted_value_is_rejected_where_it_would_become_plain(place: str) -> None:
    raw: dict[str, Any] = edited(put(place, {"secure": "v1:c2VjcmV0"}))
    with pytest.raises(SettingsError) as raised:
        from_config(config_of(raw), "prod")
    [line] = str(raised.value).splitlines()
    assert line.startswith(f"digital-agency:{place}: must be a plain value, got a secret.")


def test_a_wholly_encrypted_list_is_rejected_with_what_is_allowed() -> None:
    raw = edited(put("companies", {"secure": "v1:c2VjcmV0"}))
    with pytest.raises(SettingsError) as raised:
        from_config(config_of(raw), "prod")
    assert str(raised.value) == (
        "digital-agency:companies: must be a plain value, got a secret."
        " Only the values of companies[].apiKeys may be secret."
    )


def test_the_name_of_an_existing_secret_is_shown() -> None:
    raw = edited(put("companies[0].apiKeys", {"secretName": "My Keys"}))
    with pytest.raises(SettingsError, match=r'secretName: must be .*, got "My Keys"'):
        from_config(config_of(raw), "prod")
