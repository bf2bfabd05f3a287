"""The chart's variables and node selectors: the texts that its templates print."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ops.chart_shapes import Key, Shapes, leaves
from ops.helm_values import printed_by_helm
from plan.names import REGION_LABEL
from settings.plain_secrets import is_secret

ENV, SELECTOR = "agent.env", "multiRegion.regions[].nodeSelector"


def environment(shapes: Shapes, secrets: list[tuple[str, str]]) -> dict[str, str]:
    """Variables of the application; secrets are added to `secrets` by their keys and names."""
    given = shapes.given(ENV)
    listed = _listed(shapes, given) if isinstance(given, list) else shapes.as_mapping(ENV, given)
    plain: dict[str, Any] = {}
    for name, value in listed.items():
        if is_secret(name, "" if value is None else str(value)):
            secrets.append((f"{ENV}.{name}", _variable(name)))
        else:
            plain[name] = value
    return _texts(shapes, ENV, plain)


def node_selector(shapes: Shapes, region: str, value: Any) -> dict[str, str]:
    selector = _texts(shapes, SELECTOR, shapes.as_mapping(SELECTOR, value))
    bound = selector.pop(REGION_LABEL, region)
    if bound != region:
        shapes.leave(SELECTOR, f"{REGION_LABEL}={bound}: pods of {region} run there")
    return selector


def _texts(shapes: Shapes, key: str, values: dict[str, Any]) -> dict[str, str]:
    """The values as the chart's templates print them in quotes."""
    found: dict[str, str] = {}
    for name, value in values.items():
        place, text = f"{key}.{name}", printed_by_helm(value)
        if isinstance(value, dict | list):
            shapes.wrong(place, value, "must be text")
        elif text is None:
            shapes.leave(place, f"{value}: what Helm prints depends on its version; set the text in quotes")
        elif "\n" in text and text[0] in "\n\t":
            shapes.leave(place, "the Pulumi CLI changes a text of several lines that begins with white space")
        else:
            found[name] = text
    return found


def _listed(shapes: Shapes, variables: list[Any]) -> dict[str, Any]:
    """Variables as in a pod: name and value."""
    found: dict[str, Any] = {}
    for index, each in enumerate(variables):
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not name:
            shapes.leave(f"{ENV}[{index}]", "must be a mapping with name and value")
        elif "value" not in each:
            shapes.leave(ENV, f"{name}: only variables with a value are carried over")
        else:
            if name in found:
                shapes.leave(ENV, f"{name}: twice; the last one counts in a pod")
            found[name] = each["value"]
            for other in sorted(each.keys() - {"name", "value"}):
                shapes.leave(ENV, f"{name}: {other}: only name and value are carried over")
    return found


def secrets_in(key: Key, value: Any) -> Iterable[tuple[str, str]]:
    """Secrets among values that nobody asked for, also in lists of name and value."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                name, rest = item.get("name"), item
                if isinstance(name, str) and "value" in item:
                    yield from secrets_in((*key, name), item["value"])
                    rest = {inner: leaf for inner, leaf in item.items() if inner != "value"}
                for path, leaf in leaves(rest):
                    yield from secrets_in((*key, *path), leaf)
    elif not isinstance(value, dict) and is_secret(key[-1], "" if value is None else str(value)):
        yield ".".join(key), _variable(key[-1])


def _variable(name: str) -> str:
    """The variable's name for a name such as `openaiApiKey`."""
    return re.sub(r"\W", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).upper()
