"""Keys of model providers that stand in plain text, where whoever reads the stack file reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from plan.names import LOCAL
from settings.faults import PLAIN, SECRET, Fault, Path, key_of
from settings.values import is_encrypted

COMPANIES, ENVIRONMENT = "companies", "environment"
API_KEY = "_API_KEY"
_NAMED = re.compile(r"(^|_)(API_?KEY|(ACCESS|PRIVATE|SECRET)_?KEY|SECRET|TOKEN|PASSWORD)$")
_KNOWN = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}|\bsk-[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""AWS access keys, keys of Google, of OpenAI, Anthropic and DeepSeek, tokens of GitHub, private keys."""


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name or by the form of its value."""
    return name.endswith(API_KEY) or bool(value and _NAMED.search(name)) or bool(_KNOWN.search(value))


def plain_secrets(
    raw: dict[str, Any], stack: str, secret_keys: Collection[str], shape_faults: Collection[Fault]
) -> Iterator[Fault]:
    """A fault for each plain key outside the stack `local`, but for values that are at fault already.

    `secret_keys`: the keys at the top of `raw` that hold something encrypted. A stack file shows which leaf
    that is. The Pulumi CLI hands over all leaves decrypted: then nothing tells a plain leaf beside an
    encrypted one, and all leaves of such a key count as encrypted.
    """
    if stack == LOCAL:
        return
    known = [fault.path for fault in shape_faults]
    decrypted = {key for key in secret_keys if not _has_encrypted(raw.get(key))}
    if COMPANIES not in decrypted:
        for path, place in _api_keys(raw.get(COMPANIES)):
            if not any(path[: len(one)] == one for one in known):
                yield Fault(path, PLAIN, f"an encrypted value: {command(place, stack)}")
    if ENVIRONMENT in decrypted:
        # Pods would show it in plain text; in a stack file the leaf is refused by its shape.
        accepted = f"plain values that are no secrets; {instead('<VARIABLE>', stack)}"
        yield Fault((ENVIRONMENT,), SECRET, accepted)
        return
    for name, value in _texts(raw.get(ENVIRONMENT)):
        # API keys have a rule of their own, for every stack.
        if is_secret(name, value) and not name.endswith(API_KEY):
            yield Fault((ENVIRONMENT, name), PLAIN, f"values that are no secrets; {instead(name, stack)}")


def command(path: Path, stack: str) -> str:
    """What asks for a value and writes it encrypted."""
    return f"pulumi config set --secret --path '{key_of(path)}' --stack {stack}"


def instead(name: str, stack: str) -> str:
    """What to do with a secret variable of the application."""
    return f"give it to each company: {command((COMPANIES, 0, 'apiKeys', name), stack)}"


def _api_keys(companies: Any) -> Iterator[tuple[Path, Path]]:
    """Each plain value: its path as errors name it, and where it stands in the file."""
    for index, company in enumerate(companies if isinstance(companies, list) else ()):
        keys = company.get("apiKeys") if isinstance(company, dict) else None
        path: Path = (COMPANIES, index, "apiKeys")
        place = path
        if isinstance(keys, dict) and "values" in keys:
            keys, place = keys["values"], (*path, "values")
        for name, _ in _texts(keys):
            if name != "secretName":
                yield (*path, name), (*place, name)


def _texts(mapping: Any) -> Iterator[tuple[str, str]]:
    if isinstance(mapping, dict):
        yield from ((name, value) for name, value in mapping.items() if isinstance(value, str))


def _has_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return is_encrypted(value) or any(map(_has_encrypted, value.values()))
    return isinstance(value, list) and any(map(_has_encrypted, value))
