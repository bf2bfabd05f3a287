"""Names of variables that change how a process is loaded, trusted or routed."""

from __future__ import annotations

import pytest

from settings import parse
from tests.settings.broken.base import KEY_VALUE
from tests.settings.edits import edited, key_of, lines, put

SECURE = {"secure": "v1:abc"}


@pytest.mark.parametrize("form", ["apiKeys", "apiKeys.values"])
@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "NODE_OPTIONS", "NODE_PATH", "PYTHONPATH",
        "PYTHONSTARTUP", "BASH_ENV", "GCONV_PATH", "OPENSSL_CONF", "NODE_TLS_REJECT_UNAUTHORIZED",
        "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NODE_USE_ENV_PROXY", "RES_OPTIONS",
        "HOSTALIASES", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_ROLE_ARN", "AWS_PROFILE",
    ],
)  # fmt: skip
def test_an_api_key_does_not_change_the_process_that_gets_it(form: str, name: str) -> None:
    (line,) = lines(edited(put(f"companies[1].{form}", {name: SECURE})))
    assert key_of(line) == f"digital-agency:companies[1].apiKeys.{name}"
    assert ": must be the name of a key, got a secret. " in line


@pytest.mark.parametrize("name", ["COMPANY", "HOME", "JULES_AGENT_DIR", "BRAIN_STORAGE_ROOT", "PORT"])
def test_an_api_key_is_no_variable_of_the_program(name: str) -> None:
    (line,) = lines(edited(put("companies[0].apiKeys", {name: {"secure": KEY_VALUE}})))
    assert line == (
        f"digital-agency:companies[0].apiKeys.{name}: must be the name of a key, got a secret."
        " This program sets the variable."
    )


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY", "HF_TOKEN", "CLIENT_SECRET", "REDIS_PASSWORD", "DATABASE_URL", "NODE_AUTH_TOKEN",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BEARER_TOKEN_BEDROCK", "LDAP_PASSWORD",
    ],
)  # fmt: skip
def test_every_other_secret_can_be_an_api_key(name: str) -> None:
    assert parse(edited(put("companies[0].apiKeys", {name: SECURE})), "prod")


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_LIBRARY_PATH"])
def test_the_environment_runs_no_other_code(name: str) -> None:
    (line,) = lines(edited(put("environment", {name: "/work/x.so"})))
    assert line.startswith(f"digital-agency:environment.{name}: must not be set, got")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://10.9.0.5:3128"),
        ("NODE_EXTRA_CA_CERTS", "/etc/ssl/own.pem"),
        ("NODE_OPTIONS", "--max-old-space-size=2048"),
    ],
)
def test_the_environment_may_have_what_an_organisation_needs_and_everybody_sees(
    name: str, value: str
) -> None:
    assert lines(edited(put("environment", {name: value}))) == []
