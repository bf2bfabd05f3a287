"""The plugin's process and its endpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.aws.provider.api import AwsApi
from tests.aws_provider.account import Account
from tests.aws_provider.cases import REGION
from tests.services import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "AWS_ENDPOINT_URL: missing (required)"),
        ("https://s3.amazonaws.com", "AWS_ENDPOINT_URL: must be an http URL with an address of this machine"),
        ("http://192.0.2.1:5000", "got http://192.0.2.1:5000"),
        ("127.0.0.1:5000", "got 127.0.0.1:5000"),
    ],
)
def test_without_an_endpoint_on_this_machine_the_plugin_does_not_start(url: str | None, message: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_ENDPOINT_URL": url} if url else {}
    command = [sys.executable, "-W", "ignore", "-m", "local.aws.provider"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert message in ended.stderr


def test_no_variable_beside_the_endpoint_leads_elsewhere(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.delenv("NO_PROXY", raising=False)
    api = AwsApi(account.emulator.environment())
    assert "Buckets" in api.client("s3", REGION).send("list_buckets", {})


def test_the_plugin_prints_its_port_and_ends_with_the_engine(account: Account) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "local.aws.provider"]
    engine = (
        "import subprocess, sys, time\n"
        f"plugin = subprocess.Popen({command!r}, stdout=subprocess.PIPE)\n"
        "print(plugin.stdout.readline().decode().strip(), plugin.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, **account.emulator.environment()}
    with subprocess.Popen(
        [sys.executable, "-c", engine], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port, pid = map(int, process.stdout.readline().split())
        assert port > 0
        process.kill()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the plugin of a killed engine has ended", 20.0)
