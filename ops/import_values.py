"""`python -m ops import-values VALUES --out FILE`: from the published Helm chart's values to a stack file.

Carries over what means the same here, lists what it could not carry and why, and what is still missing. The
missing keys stand in the file as comments. Of secrets it writes nothing: it shows the command that sets them.
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
"""In place of what is missing, to see what else is at fault."""
SUBNETS: Values = {"ingressFrom": ["10.0.0.0/24"]}
"""The same for each region."""
FLOAT = "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """Numbers with a point are versions there: 1.10 is not 1.1."""

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
            f"{arguments.out} is there already; give --out a new name, or remove it", WRONG_CALL
        )
    found = carried(_read(arguments.values), domain=arguments.domain, image=arguments.image)
    arguments.out.write_text(_stack_file(found, arguments.values), encoding="utf-8")
    say(f"wrote {arguments.out}")
    stack = stack_of(arguments.out)
    _tell("not carried over", [*(f"{key}: {why}" for key, why in found.left), *_secrets(found, stack)])
    _tell("still missing", (f"{PROJECT}:{key}: {what}" for key, what in found.missing))
    _tell("at fault", _faults(found, stack))
    return DONE


def _read(path: Path) -> Values:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise OperatorError(
            f"{path}: {error.strerror}; accepted: a values file of the chart", WRONG_CALL
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: not YAML: {' '.join(str(error).split())}", WRONG_CALL) from error
    if not isinstance(values or {}, dict):
        raise OperatorError(f"{path}: expected a mapping; accepted: a values file of the chart", WRONG_CALL)
    return dict(values or {})


def _stack_file(found: Carried, source: Path) -> str:
    lines = [
        "# yaml-language-server: $schema=schema/stack.schema.json",
        f"# From {source.name} by `python -m ops import-values`.",
        "config:",
    ]
    regions = found.config.get("regions") or []
    lines.append(f"  aws:region: {regions[0]['name']}" if regions else "  # aws:region: the first region")
    for key, what in found.missing:
        lines.append(f"  # Missing: {PROJECT}:{key}: {what}")
    for key, value in found.config.items():
        text = yaml.safe_dump({f"{PROJECT}:{key}": value}, sort_keys=False, default_flow_style=False)
        lines += [f"  {line}" for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def _secrets(found: Carried, stack: str) -> Iterator[str]:
    """What sets them: the command asks for the value, which no line shows."""
    for key, name in found.secrets:
        told = command(("companies", 0, "apiKeys", name), stack)
        yield f"{key}: a secret, which is never written in plain text; set it yourself: {told}"


def _faults(found: Carried, stack: str) -> list[str]:
    """What the settings say of it, with stand-ins for what is missing."""
    config: dict[str, Any] = {**STAND_INS, **found.config}
    config["regions"] = [{**SUBNETS, **one} for one in config["regions"]]
    try:
        parse(config, stack)
    except SettingsError as error:
        return str(error).splitlines()
    return []


def _tell(title: str, lines: Iterable[str]) -> None:
    told = list(lines)
    if told:
        say(f"\n{title}:")
        for line in told:
            say(f"  {line}")
