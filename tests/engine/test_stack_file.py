"""Stack files as Go's YAML reads them; `test_stack_files_of_the_cli.py` asks the CLI for the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.stack_file import load_stack_file, unknown_environment

ACCEPTED = [
    ("x: yes", "yes"),
    ("x: no", "no"),
    ("x: Off", "Off"),
    ("x: True", "true"),
    ("x: 22:30", "22:30"),
    ("x: 0o17", "15"),
    ("x: 0123", "83"),
    ("x: 0x1f", "31"),
    ("x: 0b101", "5"),
    ("x: 1_000", "1000"),
    ("x: +1", "1"),
    ("x: 1e3", "1000"),
    ("x: 1e21", "1e+21"),
    ("x: 1e-7", "1e-7"),
    ("x: .5", "0.5"),
    ("x: 1.10", "1.1"),
    ("x: 012345678901", "12345678901"),
    ("x: 123456789012345678901", "123456789012345680000"),
    ("x: ~", ""),
    ("x:", ""),
    ("x: 2024-06-01", "2024-06-01 00:00:00 +0000 UTC"),
    ("x: 2024-06-01T10:20:30.50+02:00", "2024-06-01 10:20:30.5 +0200 +0200"),
    ("x: '2024-06-01'", "2024-06-01"),
    ("x: !!str 2024-06-01", "2024-06-01"),
    ("x: !!float 1", "1"),
    ("x: !!binary aGk=", "hi"),
    ("x: !own 12", "12"),
    ("x: =", "="),
    ("x: {a: ~, b: no, c: 1.0}", {"a": None, "b": "no", "c": 1}),
    ("x: [18446744073709551615]", [18446744073709552000]),
    ("x: {1: a, true: b, 2024-06-01: c}", {"1": "a", "true": "b", "2024-06-01 00:00:00 +0000 UTC": "c"}),
    ("x: {a: &n [1], b: *n}", {"a": [1], "b": [1]}),
    ("x: {a: &n 1, b: &n 2, c: *n}", {"a": 1, "b": 2, "c": 2}),
    ("x: {a: &m {k: 1, l: 2}, b: {<<: *m, l: 3}}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
    ("x: {<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}),
    ("x: {secure: 12}", {"secure": 12}),
    ("x: [{secure: v1:a}]", [{"secure": "v1:a"}]),
    ('x: ["\\na\\nb"]', ["a\nb"]),
    ("x: a\n---\nb: [", "a"),
    ("x: a\n...\n", "a"),
]  # fmt: skip
"""What follows `config:`, and the text or the JSON that the program gets."""
REJECTED = [
    ("x: {a: 1, a: 2}", "a: duplicate key, in lines 2 and 2"),
    ("x: {a: 1, 'a': 2}", "a: duplicate key"),
    ("x: 1\n  x: 2\n  x: 3", "x: duplicate key, in lines 3 and 4"),
    ("x: {1: a, 1.0: b}", "digital-agency:x.1: duplicate key"),
    ("x: .inf", "digital-agency:x: must be a finite number"),
    ("x: [.nan]", "digital-agency:x[0]: must be a finite number"),
    ("x: !!int a", "cannot decode !!str `a` as a !!int"),
    ("x: !!bool yes", "cannot decode !!str `yes` as a !!bool"),
    ("x: *nowhere", "unknown anchor 'nowhere' referenced"),
    ("x: &a [*a]", "anchor 'a' value contains itself"),
    ("x: {<<: 1}", "map merge requires map or sequence of maps"),
    ("x: {[a]: 1}", "a key must be text"),
    ("x: a\nconfig: {}", "config: duplicate key"),
    ("x: {a: 1}\n  1: a", "1: must be text; put the key in quotes"),
    ("x:y:z: 1", "must be a key such as digital-agency:domain"),
    ("x: {\t", "not YAML"),
    ("x:\n\t- a", "not YAML"),
    ('x: "\\ta\\nb"', "must not begin with a tab"),
    ("x: a\n- b", "not YAML"),
    ("x: a\nencryptionsalt: [1]", "encryptionsalt: must be text"),
    ("x: a\n1: b", "1: must be text"),
]


def read(text: str, folder: Path) -> dict[str, str]:
    file = folder / "Pulumi.prod.yaml"
    file.write_text(text, encoding="utf-8")
    return load_stack_file(file)[0]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED)
def test_a_value_is_what_the_cli_hands_to_the_program(text: str, expected: object, tmp_path: Path) -> None:
    found = read(f"config:\n  digital-agency:{text}", tmp_path)["digital-agency:x"]
    assert (found if isinstance(expected, str) else json.loads(found)) == expected


@pytest.mark.parametrize(("text", "message"), REJECTED)
def test_what_the_cli_rejects_is_rejected(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Pulumi\.prod\.yaml") as raised:
        read(f"config:\n  digital-agency:{text}", tmp_path)
    assert message in str(raised.value)


def test_keys_have_a_namespace(tmp_path: Path) -> None:
    text = "config:\n  aws:profile: admin\n  domain: a.test\n  aws:config:region: us-east-1\n"
    assert read(text, tmp_path) == {
        "aws:profile": "admin",
        "digital-agency:domain": "a.test",
        "aws:region": "us-east-1",
    }


def test_a_key_in_two_notations_is_a_duplicate(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="digital-agency:domain: duplicate key"):
        read("config:\n  domain: a\n  digital-agency:domain: b\n", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_text(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_bytes("config:\n  a:b: é\n".encode(encoding))
    assert load_stack_file(file) == ({"a:b": "é"}, [])


@pytest.mark.parametrize(
    "text", ["config: " + "[" * 500 + "]" * 500, "config: {a:b: " + "{a: " * 300 + "}" * 301]
)
def test_a_file_of_too_many_levels_is_rejected(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than 100 levels"):
        read(text, tmp_path)


def test_aliases_cannot_multiply_without_bound(tmp_path: Path) -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10))
    with pytest.raises(ValueError, match="excessive aliasing"):
        read(f"l0: &l0 [a]\n{levels}\nconfig:\n  a:b: *l9\n", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [("config: {}", False), ("environment: [prod]", True), ("environment:\n  values: {a: 1}\n", True)],
)
def test_environments_of_pulumi_esc_are_said_to_be_unknown(text: str, said: bool, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(text)
    assert load_stack_file(file) == ({}, [])
    assert (
        "what Pulumi ESC adds to the configuration is unknown here" in (unknown_environment(file) or "")
    ) == said
