"""`python -m ops mcp`: calls that are rejected before anything is served."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ops.__main__ import main
from ops.errors import WRONG_CALL
from ops.probing.signals import Signals
from tests.drill.commands import stack_file


@pytest.fixture(autouse=True)
def restored() -> object:
    """The command leaves its signal handlers to the end of the process."""
    with Signals("wait"):
        yield


def rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    argv = ["mcp", "--config", str(stack_file(tmp_path)), "--state", str(tmp_path / "state"), *more]
    assert main(argv) == WRONG_CALL
    assert not (tmp_path / "state").exists()
    return capsys.readouterr().err


def test_a_port_needs_a_token_and_a_token_a_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in (["--http", "8080"], ["--token-file", "x"]):
        text = "--http and --token-file: each is required with the other"
        assert text in rejected(tmp_path, capsys, *more)


def test_a_token_must_be_there_and_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "token"
    more = ["--http", "0", "--token-file", str(file)]
    assert "--token-file: cannot be read" in rejected(tmp_path, capsys, *more)
    file.write_text("short\n")
    text = "the token must have 32 characters or more; got 5; make one with: (umask 077; openssl rand"
    assert text in rejected(tmp_path, capsys, *more)
    file.write_bytes(b"\xff" * 40)
    assert "--token-file: cannot be read" in rejected(tmp_path, capsys, *more)


def test_a_port_in_use_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("f" * 32)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        more = ["--http", str(port), "--token-file", str(tmp_path / "token")]
        assert f"--http: cannot listen at 127.0.0.1:{port}" in rejected(tmp_path, capsys, *more)
    assert "--http: cannot listen at" in rejected(tmp_path, capsys, "--http", "99999", *more[2:])


def test_without_the_sdk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.mcp.command.find_spec", lambda name: None)
    assert main(["mcp", "--stack", "local"]) == 2
    assert "pip install -r requirements-dev.txt" in capsys.readouterr().err


def test_a_stack_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp"]) == WRONG_CALL
    assert "--stack: missing (required)" in capsys.readouterr().err
