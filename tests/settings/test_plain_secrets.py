"""Every program that reads a stack file rejects secrets in plain text, except on the stack local."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from ops.__main__ import main
from ops.errors import WRONG_CALL
from settings import SettingsError, from_config
from tests.recording import record
from tests.settings.edits import drop, edited, key_of, lines, put
from tests.settings.test_stack_files import write
from tests.strategies import Raw, config_of

KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c"
SECURE = {"secure": "v1:c2VhbGVk:0123456789"}
COMPANIES = "digital-agency:companies"
SET = "pulumi config set --secret --path"


def line(place: str, stack: str = "prod", path: str = "") -> str:
    command = f"{SET} 'digital-agency:{path or place}' --stack {stack}"
    return f"digital-agency:{place}: must be an encrypted value, got a secret in plain text. Run: {command}"


def keys(value: Any) -> Raw:
    return edited(put("companies[1].apiKeys", value))


@pytest.mark.parametrize("stack", ["prod", "dev", "local-2"])
def test_a_plain_key_is_rejected_with_its_path_and_the_command_that_sets_it(stack: str) -> None:
    place = "companies[1].apiKeys.OPENAI_API_KEY"
    assert lines(keys({"OPENAI_API_KEY": KEY}), stack) == [line(place, stack)]


@pytest.mark.parametrize(
    "value", [{"OPENAI_API_KEY": SECURE}, {"values": {"A": SECURE}}, {"secretName": "x"}]
)
def test_an_encrypted_key_and_the_name_of_a_secret_are_accepted(value: Any) -> None:
    assert lines(keys(value)) == []


def test_the_stack_local_may_hold_plain_keys() -> None:
    assert lines(keys({"OPENAI_API_KEY": KEY}), "local") == []


def test_each_plain_leaf_beside_encrypted_ones_is_a_line() -> None:
    raw = edited(
        put("companies[0].apiKeys", {"values": {"A_KEY": SECURE, "B_KEY": "x"}}),
        put("companies[2].apiKeys", {"C_KEY": "y", "D_KEY": SECURE, "E_KEY": "z"}),
    )
    found = [
        line("companies[0].apiKeys.B_KEY", path="companies[0].apiKeys.values.B_KEY"),
        line("companies[2].apiKeys.C_KEY"),
        line("companies[2].apiKeys.E_KEY"),
    ]
    assert lines(raw) == found
    for secret_keys in ((), (COMPANIES,)):
        with pytest.raises(SettingsError) as raised:
            from_config(config_of(raw), "prod", secret_keys)
        assert str(raised.value).splitlines() == found


def test_under_the_cli_a_key_without_encrypted_values_is_rejected() -> None:
    config = config_of(keys({"OPENAI_API_KEY": KEY}))
    with pytest.raises(SettingsError, match="got a secret in plain text"):
        from_config(config, "prod", ["digital-agency:domain", "other:companies"])
    settings = from_config(config, "prod", [COMPANIES])
    api_keys = settings.companies[1].api_keys
    assert api_keys and api_keys.values["OPENAI_API_KEY"].get_secret_value() == KEY


def test_under_the_cli_the_stack_file_tells_a_plain_key_from_the_decrypted_ones() -> None:
    raw = keys({"OPENAI_API_KEY": SECURE, "GOOGLE_API_KEY": KEY})
    decrypted = config_of(keys({"OPENAI_API_KEY": "decrypted", "GOOGLE_API_KEY": KEY}))
    with pytest.raises(SettingsError) as raised:
        from_config(decrypted, "prod", [COMPANIES], config_of(raw))
    assert str(raised.value) == line("companies[1].apiKeys.GOOGLE_API_KEY")
    # Another file than the one that the CLI read says nothing.
    other = config_of(keys({"OPENAI_API_KEY": SECURE, "GOOGLE_API_KEY": "other"}))
    assert from_config(decrypted, "prod", [COMPANIES], other)


def test_the_program_rejects_keys_that_the_cli_does_not_mark_as_secret() -> None:
    raw = keys({"OPENAI_API_KEY": KEY})
    with pytest.raises(pulumi.RunError, match="got a secret in plain text") as raised:
        record(raw, stack="prod", secret_keys=())
    assert KEY not in str(raised.value)
    assert len(list(record(raw, stack="prod", secret_keys=[COMPANIES]))) > 100


@pytest.mark.parametrize(
    "call",
    [
        ["render", "--out", "out"],
        ["doctor"],
        ["validate"],
        ["restore", "--company", "client-a"],
        ["drill", "--region", "us-east-1"],
    ],
    ids=lambda call: call[0],
)
def test_every_command_rejects_a_plain_key_before_it_does_anything(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path / "Pulumi.prod.yaml", keys({"GOOGLE_API_KEY": SECURE, "OPENAI_API_KEY": KEY}))
    assert main([*call, "--config", str(file)]) == WRONG_CALL
    output = capsys.readouterr()
    assert output.err.splitlines() == [line("companies[1].apiKeys.OPENAI_API_KEY")]
    assert KEY not in output.out and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "x"),
        ("DEEPSEEK_API_KEY", "x"),
        ("HF_TOKEN", "x"),
        ("CLIENT_SECRET", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("REDIS_PASSWORD", "x"),
        ("TOKEN", "x"),
        ("LLM", KEY),
        ("NOTE", f"use {KEY}"),
    ],
)
def test_a_secret_variable_in_the_environment_is_rejected(name: str, value: str) -> None:
    (line,) = lines(edited(put("environment", {name: value, "LOG_LEVEL": "debug"})))
    assert key_of(line) == f"digital-agency:environment.{name}"
    assert ", got a secret in plain text. Set the secret for each company: " in line
    assert f"{SET} 'digital-agency:companies[0].apiKeys.{name}' --stack prod" in line
    assert KEY not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_TOKENS", "4096"), ("TOKEN_LIMIT", "1"), ("HF_TOKEN", ""), ("CACHE_KEY", "a"), ("LEVEL", "sk-1")],
)
def test_text_that_only_resembles_a_secret_is_accepted(name: str, value: str) -> None:
    assert lines(edited(put("environment", {name: value}))) == []


def test_a_proxy_with_a_password_is_not_sent_to_the_api_keys() -> None:
    (line,) = lines(edited(put("environment", {"HTTPS_PROXY": "http://user:p4ss@10.9.0.5:3128"})))
    assert line.endswith("use a proxy or a server that needs no password.")


def test_the_stack_local_may_have_secrets_of_its_own_in_the_environment() -> None:
    assert lines(edited(put("environment", {"HF_TOKEN": "x"})), "local") == []


def test_an_encrypted_environment_is_rejected_because_pods_would_show_it() -> None:
    decrypted = config_of(edited(put("environment", {"LEVEL": "hush"})))
    with pytest.raises(SettingsError) as raised:
        from_config(decrypted, "prod", ["digital-agency:environment"])
    assert str(raised.value).startswith("digital-agency:environment: must hold no secrets, got a secret. ")
    (line,) = lines(edited(put("environment", {"LEVEL": SECURE})))
    assert line.startswith("digital-agency:environment.LEVEL: must be a plain value, got a secret")


def test_other_problems_of_the_file_are_reported_beside_a_plain_key() -> None:
    found = lines(edited(put("companies[1].apiKeys", {"A_KEY": KEY}), drop("domain")))
    assert list(map(key_of, found)) == [
        "digital-agency:companies[1].apiKeys.A_KEY",
        "digital-agency:domain",
    ]
