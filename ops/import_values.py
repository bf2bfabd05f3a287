"""`python -m ops import-values VALUES --out FILE`: make a stack file from values of the published Helm chart.

The command carries over the values that have an equivalent, and lists the values that it does not carry over,
with reasons, and the keys that are still missing, which are comments in the file. It writes no secrets, but
shows the commands that set them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

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
SUBNETS: Values = {"ingressFrom": ["10.0.0.0/24"]}
"""The same for each region."""
FLOAT = "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """Numbers with a point are versions in a values file: 1.10 is not 1.1."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != FLOAT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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
    result = carried(_read(arguments.values), domain=arguments.domain, image=arguments.image)
    arguments.out.write_text(_stack_file(result, arguments.values), encoding="utf-8")
    say(f"wrote {arguments.out}")
    stack = stack_of(arguments.out)
    _show("not carried over", [*(f"{key}: {why}" for key, why in result.left), *_secrets(result, stack)])
    _show("still missing", (f"{PROJECT}:{key}: {what}" for key, what in result.missing))
    _show("problems", _problems(result, stack))
    return DONE


def _read(path: Path) -> Values:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise OperatorError(
            f"{path}: {error.strerror}; must be a values file of the chart", WRONG_CALL
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"{path}: must be YAML: {' '.join(str(error).split())}",
            WRONG_CALL,
        ) from error
    if not isinstance(values or {}, dict):
        raise OperatorError(f"{path}: must be a mapping, as values files are", WRONG_CALL)
    return dict(values or {})


def _stack_file(result: Carried, source: Path) -> str:
    lines = [
        "# yaml-language-server: $schema=schema/stack.schema.json",
        f"# From {source.name} by `python -m ops import-values`.",
        "config:",
    ]
    regions = result.config.get("regions") or []
    lines.append(f"  aws:region: {regions[0]['name']}" if regions else "  # aws:region: the first region")
    for key, what in result.missing:
        lines.append(f"  # Missing: {PROJECT}:{key}: {what}")
    for key, value in result.config.items():
        text = yaml.safe_dump({f"{PROJECT}:{key}": value}, sort_keys=False, default_flow_style=False)
        lines += [f"  {line}" for line in text.splitlines()]
    return "\n".join(lines) + "\n"


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
