"""The Pulumi CLI's own reader beside ours: the same answer for every stack file, or both reject the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given

from engine.stack_file import load_stack_file
from local.programs import catalog
from settings.values import is_encrypted
from tests.engine.cli_reader import CliReader
from tests.engine.test_stack_file import ACCEPTED, REJECTED
from tests.engine.yaml_texts import stack_files

LENIENT = "found unexpected ':'"
"""The one place where Go's scanner accepts more than libyaml: `{a::}`."""

thoroughly = hypothesis.settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

Answer = tuple[dict[str, Any], frozenset[str]] | None


@pytest.fixture(scope="module")
def cli() -> Iterator[CliReader]:
    reader = CliReader(catalog.binary("pulumi-stack-files", print))
    yield reader
    reader.close()


def answer(config: dict[str, str], secrets: frozenset[str]) -> Answer:
    return {key: meaning(text) for key, text in config.items()}, secrets


def meaning(text: str) -> Any:
    """Text as it is; JSON by its values and their types, whatever the order of its keys."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if not isinstance(value, dict | list):
        return text
    value = decrypted(value)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def decrypted(value: Any) -> Any:
    if isinstance(value, list):
        return [decrypted(item) for item in value]
    if is_encrypted(value):
        return f"[secure {value['secure']}]"
    return {key: decrypted(item) for key, item in value.items()} if isinstance(value, dict) else value


def ours(text: bytes, folder: Path) -> tuple[Answer, str]:
    file = folder / "Pulumi.prod.yaml"
    file.write_bytes(text)
    try:
        config, secrets = load_stack_file(file)
    except ValueError as error:
        return None, str(error)
    return answer(config, frozenset(secrets)), ""


def check(text: bytes, folder: Path, cli: CliReader) -> None:
    found, why = ours(text, folder)
    of_cli = cli.read(text)
    if LENIENT in why:
        return
    expected = None if of_cli.error else answer(of_cli.config, of_cli.secrets)
    assert found == expected, (why, of_cli.error)


@thoroughly
@given(text=stack_files())
def test_any_stack_file_is_read_as_the_cli_reads_it(
    text: bytes, cli: CliReader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(text, tmp_path_factory.getbasetemp(), cli)


@pytest.mark.parametrize("text", [*(text for text, _ in ACCEPTED), *(text for text, _ in REJECTED)])
def test_the_examples_are_answers_of_the_cli(text: str, cli: CliReader, tmp_path: Path) -> None:
    check(b"config:\n  digital-agency:" + text.encode(), tmp_path, cli)


@pytest.mark.parametrize("name", ["local", "dev", "staging", "prod"])
def test_the_stack_files_of_the_project_are_read_as_the_cli_reads_them(
    name: str, cli: CliReader, tmp_path: Path
) -> None:
    file = Path(__file__).resolve().parents[2] / f"Pulumi.{name}.yaml"
    check(file.read_bytes(), tmp_path, cli)
