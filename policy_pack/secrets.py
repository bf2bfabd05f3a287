"""Secrets are in Secrets, not in what everybody reads."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity
from pulumi_policy.proxy import UnknownValueError

from plan.plain_secrets import KNOWN, is_secret
from policy_pack.configs import PROGRAMS as PACKED
from policy_pack.hardening import WITH_PODS, containers, pod_spec, pod_template
from policy_pack.writing import Problems, Props, each, metadata, of_resources, of_the_stack

KUBERNETES = "kubernetes:"
SECRET, CONFIG_MAP = "kubernetes:core/v1:Secret", "kubernetes:core/v1:ConfigMap"
SHORTEST = 8
"""Characters of a secret that is looked for: shorter ones are in other texts by chance."""
LONGEST_BINARY = 64 << 10
"""Of `binaryData` that is decoded. Packed programs are larger: the policy of configs judges them."""


class Text(NamedTuple):
    place: str
    name: str
    values: Any
    """The mapping or the list that holds the text, which may be unknown."""
    key: Any

    def value(self) -> str:
        found = self.values[self.key] if isinstance(self.key, int) else self.values.get(self.key)
        return "" if found is None else str(found)


def _plain(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type == SECRET:
        return
    if args.resource_type.startswith(KUBERNETES):
        yield from each(_texts(args.resource_type, args.props), _secret)
    for place, text in _strings(args.props):
        if KNOWN.search(text):
            yield f"{place} holds a secret in plain text"


def _strings(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every known text of a resource, whatever its key, with that key. What is base64 is decoded, too."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key in value:
            with suppress(UnknownValueError):
                if place == "binaryData" and key == PACKED:
                    continue
                for inner, text in _strings(value[key], f"{place}.{key}".removeprefix(".")):
                    yield inner, text
                    if place == "binaryData":
                        yield inner, _decoded(text)
    elif isinstance(value, Sequence):
        for index in range(len(value)):
            with suppress(UnknownValueError):
                yield from _strings(value[index], f"{place}[{index}]")


def _decoded(text: str) -> str:
    """Empty where it is longer than any text that people write."""
    try:
        return base64.b64decode(text).decode(errors="replace") if len(text) < LONGEST_BINARY else ""
    except ValueError:
        return ""


def _secret(text: Text) -> Iterator[str]:
    if is_secret(text.name, text.value()):
        yield f"{text.place} {text.name} holds a secret in plain text"


def _texts(type_: str, props: Props) -> Iterator[Text]:
    yield from _of_metadata(props)
    if type_ == CONFIG_MAP:
        data = props.get("data") or {}
        yield from (Text("key", name, data, name) for name in data)
    if type_ in WITH_PODS:
        yield from _of_metadata(pod_template(type_, props))
        for container, _ in containers(pod_spec(type_, props)):
            yield from _of_container(container, f"container {container['name']}:")


def _of_metadata(props: Props) -> Iterator[Text]:
    for key in ("annotations", "labels"):
        values = metadata(props).get(key) or {}
        # An ARN is no secret, and a first preview does not know those of new resources.
        names = (name for name in values if not name.endswith("-arn"))
        yield from (Text(key.removesuffix("s"), name, values, name) for name in names)


def _of_container(container: Props, place: str) -> Iterator[Text]:
    for variable in container.get("env") or ():
        yield Text(f"{place} variable", variable["name"], variable, "value")
    for key in ("command", "args"):
        words = container.get(key) or ()
        for index in range(len(words)):
            yield from _word(words, index, f"{place} {key}")


def _word(words: Sequence[str], index: int, place: str) -> Iterator[Text]:
    """A word of a command line: `--name=value`, or the value of the option before it."""
    try:
        option, _, value = words[index].partition("=")
        before = words[index - 1] if index else ""
    except UnknownValueError:
        return
    if option.startswith("-") and value:
        yield Text(place, option, [value], 0)
    else:
        yield Text(place, before if before.startswith("-") else f"[{index}]", words, index)


def _copied(resources: Sequence[PolicyResource]) -> Problems:
    """Texts of whatever resource with the value of a Secret, whatever its format."""
    secrets = {value for each in resources if each.resource_type == SECRET for value in _values(each.props)}
    if not secrets:
        return
    found = re.compile("|".join(map(re.escape, sorted(secrets))))

    def leaks(resource: PolicyResource) -> Problems:
        if resource.resource_type != SECRET:
            for place, text in _strings(resource.props):
                if found.search(text):
                    yield resource, f"{place} has the value of a Secret"

    yield from each(resources, leaks)


def _values(props: Props) -> Iterator[str]:
    plain = list((props.get("stringData") or {}).values())
    for encoded in (props.get("data") or {}).values():
        plain += [encoded, base64.b64decode(encoded).decode(errors="replace")]
    yield from (value for value in plain if len(value) >= SHORTEST)


POLICIES = (
    of_resources(
        "no-plain-secrets",
        Severity.CRITICAL,
        None,
        "Secrets are in Secrets, and encrypted in the stack file, not in variables, ConfigMaps, annotations.",
        "Set it in `companies[].apiKeys` with `pulumi config set --secret`, or name an existing Secret.",
        _plain,
    ),
    of_the_stack(
        "secrets-are-in-secrets-alone",
        Severity.CRITICAL,
        "No text of any other resource has the value of a Secret.",
        "Take the value from the Secret, with envFrom.",
        _copied,
    ),
)
