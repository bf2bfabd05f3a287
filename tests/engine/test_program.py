"""Programs run in this process as under the CLI."""

from __future__ import annotations

import threading
from pathlib import Path

import pulumi
import pytest

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import Registration
from engine.stack_file import load_stack_file
from tests.engine.programs import config_map


def test_runs_leave_nothing_to_each_other() -> None:
    def program() -> None:
        config_map("map", "space", {})
        pulumi.export("seen", pulumi.Config("digital-agency").get("key") or "nothing")
        pulumi.export("stack", pulumi.get_stack())

    threads = set(threading.enumerate())
    for stack, config, seen in [("one", {"digital-agency:key": "1"}, "1"), ("two", {}, "nothing")]:
        recorder = Placeholders()
        outputs = run_program(program, monitor=recorder, stack=stack, config=config)
        assert outputs == {"seen": seen, "stack": stack}
        assert len(recorder.registrations) == 2
    assert set(threading.enumerate()) <= threads


def test_an_error_of_the_program_comes_out_as_it_was_raised() -> None:
    def program() -> None:
        config_map("map", "space", {})
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_program(program, monitor=Placeholders(), stack="dev", config={})


def test_an_error_in_an_apply_is_raised_even_if_its_output_is_unused() -> None:
    def fail(name: str) -> str:
        raise ZeroDivisionError(name)

    def program() -> None:
        config_map("map", "space", {}).metadata.name.apply(fail)

    with pytest.raises(ZeroDivisionError, match="map"):
        run_program(program, monitor=Placeholders(), stack="dev", config={})


def test_an_error_of_the_monitor_stops_the_run() -> None:
    class Refusing(Placeholders):
        def resolve(self, registration: Registration) -> tuple[str, dict[str, object]]:
            raise PermissionError(registration.name)

    with pytest.raises(PermissionError, match="map"):
        run_program(
            lambda: config_map("map", "space", {}) and None, monitor=Refusing(), stack="dev", config={}
        )


def test_what_an_apply_registers_is_waited_for() -> None:
    def child_of(name: str) -> None:
        child = config_map(f"{name}-child", "space", {})
        if name == "first":
            child.metadata.name.apply(child_of)

    def program() -> None:
        config_map("first", "space", {}).metadata.name.apply(child_of)

    recorder = Placeholders()
    run_program(program, monitor=recorder, stack="dev", config={})
    assert "first-child-child" in {registration.name for registration in recorder.registrations.values()}


def test_a_stack_file_reads_as_the_cli_hands_it_to_a_program(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(
        "encryptionsalt: v1:abc\n"
        "config:\n"
        "  aws:region: us-east-1\n"
        "  domain: agency.example.com\n"
        "  digital-agency:podUser: 10001\n"
        "  digital-agency:waitForReady: true\n"
        "  digital-agency:regions: [us-east-1, {name: eu-west-1, weight: 0.5}]\n"
        "  digital-agency:companies: [{name: a, apiKeys: {OPENAI: {secure: v1:xyz}}}]\n"
        "  digital-agency:token: {secure: v1:abc}\n"
    )
    config, secret_keys = load_stack_file(file)
    assert config == {
        "aws:region": "us-east-1",
        "digital-agency:domain": "agency.example.com",
        "digital-agency:podUser": "10001",
        "digital-agency:waitForReady": "true",
        "digital-agency:regions": '["us-east-1", {"name": "eu-west-1", "weight": 0.5}]',
        "digital-agency:companies": '[{"name": "a", "apiKeys": {"OPENAI": {"secure": "v1:xyz"}}}]',
        "digital-agency:token": '{"secure": "v1:abc"}',
    }
    assert secret_keys == ["digital-agency:companies", "digital-agency:token"]


@pytest.mark.parametrize("text", ["config: [1]", "- 1", "config: {a: b", "just text"])
def test_a_file_that_is_no_stack_file_is_rejected_with_its_path(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"Pulumi\.dev\.yaml"):
        load_stack_file(file)


def test_an_empty_stack_file_has_no_settings(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("")
    assert load_stack_file(file) == ({}, [])
