"""Which texts are secrets."""

from __future__ import annotations

import pytest

from plan.plain_secrets import is_secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "abc"),
        ("GITHUB_TOKEN", "abcdef"),
        ("--api-key", "abcdef"),
        ("db.password", "hunter22"),
        ("AWS_SECRET_ACCESS_KEY", "abc/def"),
        ("NOTES", "it is AKIAIOSFODNN7EXAMPLE"),
        ("NOTES", "sk-abcdefghijklmnopqrstuvwx"),
        ("NOTES", "xoxb-1234567890-abc"),
        ("URL", "redis://:hunter22@cache.example.com:6379/0"),
        ("KEY", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_a_secret_is_known_by_its_name_or_its_format(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TOKENS", "4096"),
        ("TOKEN_LIMIT", "abc"),
        ("TOKENIZER_PATH", "/app/tokenizer.json"),
        ("MAX_OUTPUT_TOKEN", "4096"),
        ("USE_TOKEN", "true"),
        ("API_KEY_FILE", "/etc/key"),
        ("SECRET", ""),
        ("TOKEN", "https://login.example.com/token"),
        ("SITE", "https://example.com:8443/a@b"),
        ("NOTES", "the task-abcdefghijklmnopqrstuvwx of sk"),
    ],
)
def test_an_ordinary_text_is_no_secret(name: str, value: str) -> None:
    assert not is_secret(name, value)
