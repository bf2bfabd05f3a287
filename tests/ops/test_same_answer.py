"""What is no text or boolean for the Pulumi CLI is refused alike by every reader of a stack file."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.stack_file import load_stack_file
from local.__main__ import main as local
from ops.__main__ import main
from ops.errors import WRONG_CALL
from settings import SettingsError, from_config
from tests.settings.edits import lines, small_stack
from tests.settings.test_stack_files import write

NUMBER, DATE = (
    "must be text (a number in quotes), got {}.",
    "must be text (a date in quotes), got {} (a date).",
)
FLAG = 'must be true or false, got "{}"'
COMPANY = (
    "must be a company's name (in quotes if YAML reads it as another type), or a mapping of its keys, got 123"
)
FILES = [
    ("environment: {API_VERSION: 2023-11-30}", "environment.API_VERSION", DATE.format("2023-11-30")),
    (
        "environment: {SINCE: 2023-11-30T08:15:00+01:00}",
        "environment.SINCE",
        DATE.format("2023-11-30 08:15:00 +0100 +0100"),
    ),
    ("environment: {ACCOUNT: 098765432109}", "environment.ACCOUNT", NUMBER.format(98765432109)),
    ("environment: {BUILD: 2e3}", "environment.BUILD", NUMBER.format(2000)),
    ("environment: {SPRINT: 0o20}", "environment.SPRINT", NUMBER.format(16)),
    ("environment: {VERSION: 3.10}", "environment.VERSION", NUMBER.format(3.1)),
    ("environment: {DEBUG: true}", "environment.DEBUG", NUMBER.format("true")),
    ("environment: {EMPTY: }", "environment.EMPTY", NUMBER.format("null")),
    ("waitForReady: yes", "waitForReady", FLAG.format("yes")),
    ("companies: [{name: acme, protect: on}]", "companies[0].protect", FLAG.format("on")),
    ("companies: [{name: 2023-11-30}]", "companies[0].name", DATE.format("2023-11-30")),
    ("companies: [123]", "companies[0]", COMPANY),
    ("podUser: 1x", "podUser", 'must be a whole number from 1 to 2147483647, got "1x"'),
]
"""Changes of a valid file, the key and the problem of the only line about each."""


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return write(tmp_path / "Pulumi.prod.yaml", small_stack())


def change(file: Path, edit: str) -> None:
    key = edit.partition(":")[0]
    raw = {name: value for name, value in small_stack().items() if name != key}
    write(file, raw)
    with file.open("a", encoding="utf-8") as text:
        text.write(f"  digital-agency:{edit}\n")


@pytest.mark.parametrize(("edit", "key", "problem"), FILES)
def test_every_command_gives_the_answer_of_the_program(
    edit: str, key: str, problem: str, changed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(changed, edit)
    advice = " Put it in quotes." if problem.endswith(".") else ""
    expected = f"digital-agency:{key}: {problem}{advice}"
    config, secrets = load_stack_file(changed)
    with pytest.raises(SettingsError) as raised:  # As under the CLI, which hands over the same texts.
        from_config(config, "prod", secrets)
    assert str(raised.value) == expected
    for call in (["render", "--out", str(changed.parent / "out")], ["doctor"], ["validate"], ["topology"]):
        assert main([*call, "--config", str(changed)]) == WRONG_CALL
        assert capsys.readouterr().err.splitlines()[-1] == expected
    assert local(["preview", "--offline", "--stack", "prod", "--config", str(changed)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == expected


@pytest.mark.parametrize("name", ["no", "on", "y", "22-30", "1e"])
def test_a_company_may_have_a_name_that_yaml_1_1_takes_for_something_else(name: str, changed: Path) -> None:
    change(changed, f"companies: [{name}]")
    assert [company.name for company in from_config(load_stack_file(changed)[0], "prod").companies] == [name]


def test_a_time_of_the_day_is_text(changed: Path) -> None:
    change(changed, "environment: {WINDOW: 22:30}")
    assert from_config(load_stack_file(changed)[0], "prod").environment == {"WINDOW": "22:30"}


def test_the_text_of_a_date_that_the_cli_hands_over_is_refused() -> None:
    raw = small_stack() | {"environment": {"SINCE": "2023-11-30 00:00:00 +0000 UTC", "UNTIL": "2023-11-30"}}
    [line] = lines(raw)
    assert line.startswith(
        "digital-agency:environment.SINCE: must be text (a date in quotes), got 2023-11-30 (a date)"
    )


def test_keys_of_providers_stay_beside_those_of_the_project(changed: Path) -> None:
    with changed.open("a", encoding="utf-8") as text:
        text.write(
            "  aws:profile: admin\n  aws:assumeRoles: [{roleArn: arn:aws:iam::123456789012:role/deploy}]\n"
        )
    config, _ = load_stack_file(changed)
    assert config["aws:profile"] == "admin"
    assert "role/deploy" in config["aws:assumeRoles"]
    assert from_config(config, "prod")


def test_environments_of_pulumi_esc_are_said_to_be_unknown(
    changed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed.write_text(f"environment: [shared/prod]\n{changed.read_text()}", encoding="utf-8")
    assert main(["render", "--config", str(changed), "--out", str(changed.parent / "out")]) == 0
    assert "what Pulumi ESC adds to the configuration is unknown here" in capsys.readouterr().err
