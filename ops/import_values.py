"""`python -m ops import-values VALUES --out FILE`: make a stack file from values of the published Helm chart.

The command carries over the values that have an equivalent, and lists the values that it does not carry over,
with reasons, and the keys that are still missing, which are comments in the file. It writes no secrets, but
shows the commands that set them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from engine.yaml_nodes import YamlError
from ops import helm_values
from ops.chart_values import Carried, Values, carried
from ops.errors import DONE, WRONG_CALL, OperatorError
from ops.stack_file import stack_of
from ops.terminal import say
from plan.names import PROJECT
from settings import SettingsError, parse
from settings.plain_secrets import command

STAND_INS: Values = {
    "domain": "agency.example.com",
    "hostedZoneId": "Z0123456789ABCDEFGHIJ",
    "regions": [{"name": "us-east-1"}],
    "images": {"agency": "registry.example.com/agency:1.0.0"},
}
"""In place of missing keys, to find other problems."""
_ONE_LINE = 1_000_000
SUBNETS: Values = {"ingressFrom": ["10.0.0.0/24"]}
"""The same for each region."""
_PLAIN = re.compile(r"(?!.*: )[A-Za-z]([A-Za-z0-9 ./_:-]*[A-Za-z0-9./_-])?")
_OTHER_IN_YAML = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|inf|nan")


class _Dumper(yaml.SafeDumper):
    """Writes every text that any reader of YAML could take for something else in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and not _OTHER_IN_YAML.fullmatch(text)
    style = None if plain else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("values", type=Path, metavar="VALUES", help="a values file of the chart")
    command.add_argument(
        "--out", type=Path, required=True, help="the stack file to write: Pulumi.<stack>.yaml"
    )
    command.add_argument("--domain", metavar="D", help="companies get <company>.<domain>")
    command.add_argument("--image", metavar="I", help="the application's image, with a tag of its own")


def run(arguments: argparse.Namespace) -> int:
    if arguments.out.exists():
        raise OperatorError(
            f"--out: {arguments.out} exists; use another name, or remove the file", WRONG_CALL
        )
    values, twice = _read(arguments.values)
    result = carried(values, domain=arguments.domain, image=arguments.image)
    arguments.out.write_text(_stack_file(result, arguments.values), encoding="utf-8")
    say(f"wrote {arguments.out}")
    stack = stack_of(arguments.out)
    _show(
        "not carried over", [*twice, *(f"{key}: {why}" for key, why in result.left), *_secrets(result, stack)]
    )
    _show("still missing", (f"{PROJECT}:{key}: {what}" for key, what in result.missing))
    _show("problems", _problems(result, stack))
    return DONE


def _read(path: Path) -> tuple[Values, list[str]]:
    try:
        values, twice = helm_values.load(path.read_bytes())
    except OSError as error:
        raise OperatorError(
            f"{path}: {error.strerror}; must be a values file of the chart", WRONG_CALL
        ) from error
    except YamlError as error:
        raise OperatorError("\n".join(f"{path}{line}" for line in error.lines), WRONG_CALL) from None
    if not isinstance(values, dict | None):
        raise OperatorError(f"{path}: must be a mapping, as values files are", WRONG_CALL)
    return values or {}, twice


def _stack_file(result: Carried, source: Path) -> str:
    lines = [
        "# yaml-language-server: $schema=schema/stack.schema.json",
        f"# From {source.name} by `python -m ops import-values`.",
        "config:",
    ]
    regions = result.config.get("regions") or []
    if regions:
        lines += _lines("aws:region", regions[0]["name"])
    else:
        lines.append("  # aws:region: the first region")
    for key, what in result.missing:
        lines.append(f"  # Missing: {PROJECT}:{key}: {what}")
    for key, value in result.config.items():
        lines += _lines(f"{PROJECT}:{key}", value)
    return "\n".join(lines) + "\n"


def _lines(key: str, value: Any) -> list[str]:
    text = yaml.dump(
        {key: value},
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=_ONE_LINE,
        allow_unicode=True,
    )
    return [f"  {line}" for line in text.splitlines()]


def _secrets(result: Carried, stack: str) -> Iterator[str]:
    """With the command that sets each; it asks for the value, which no line shows."""
    for key, name in result.secrets:
        set_command = command(("companies", 0, "apiKeys", name), stack)
        yield f"{key}: a secret, which is never written in plain text; set it yourself: {set_command}"


def _problems(result: Carried, stack: str) -> list[str]:
    """Of the stack file, with stand-ins for missing keys."""
    config: dict[str, Any] = {**STAND_INS, **result.config}
    config["regions"] = [{**SUBNETS, **region} for region in config["regions"]]
    try:
        parse(config, stack)
    except SettingsError as error:
        return str(error).splitlines()
    return []


def _show(title: str, lines: Iterable[str]) -> None:
    if shown := [f"  {line}" for line in lines]:
        say("\n".join([f"\n{title}:", *shown]))
