"""Keys of model providers in plain text, which every reader of the stack file can read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import plan.plain_secrets
from plan.names import LOCAL
from plan.variables import changes_processes
from settings.problems import PLAIN, SECRET, Path, Problem, key_of
from settings.values import is_encrypted

COMPANIES, ENVIRONMENT = "companies", "environment"
API_KEY = "_API_KEY"


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name (`openaiApiKey`, too) or by the format of its value."""
    upper = name.upper().replace("-", "_")
    keyed = upper.endswith(API_KEY) or bool(value and upper.endswith("APIKEY"))
    return keyed or plan.plain_secrets.is_secret(name, value)


def plain_secrets(
    raw: dict[str, Any],
    stack: str,
    secret_keys: Collection[str],
    written: dict[str, Any],
    problems: Collection[Problem],
) -> Iterator[Problem]:
    """A problem for each plain key outside the stack `local`, except for values with a problem already.

    `secret_keys` are the top-level keys with an encrypted leaf. A stack file shows which leaf is encrypted.
    The Pulumi CLI decrypts all leaves: then the values of the stack file, `written`, tell plain leaves from
    encrypted ones, and without it all leaves of such a key count as encrypted.
    """
    if stack == LOCAL:
        return
    invalid = [problem.path for problem in problems]
    decrypted = {key for key in secret_keys if not _has_encrypted(raw.get(key))}
    source = written if COMPANIES in decrypted else raw
    for path, place in _api_keys(source.get(COMPANIES)):
        ours = _at(source, place) == _at(raw, place)
        if ours and not any(path[: len(prefix)] == prefix for prefix in invalid):
            yield Problem(path, PLAIN, "must be an encrypted value", f"Run: {command(place, stack)}")
    if ENVIRONMENT in decrypted:
        # In a stack file the shape of the encrypted leaf is a problem already.
        advice = f"Pods would show it in plain text. {instead('<VARIABLE>', stack)}"
        yield Problem((ENVIRONMENT,), SECRET, "must hold no secrets", advice)
        return
    for name, value in _texts(raw.get(ENVIRONMENT)):
        # API keys have a rule of their own, for every stack.
        if is_secret(name, value) and not name.endswith(API_KEY):
            yield Problem((ENVIRONMENT, name), PLAIN, "must not be a secret", instead(name, stack))


def command(path: Path, stack: str) -> str:
    """The command that asks for a value and writes it encrypted."""
    return f"pulumi config set --secret --path '{key_of(path)}' --stack {stack}"


def instead(name: str, stack: str) -> str:
    """Advice for a secret variable of the application."""
    if changes_processes(name):
        return "No secret may be in it: use a proxy or a server that needs no password."
    return f"Set the secret for each company: {command((COMPANIES, 0, 'apiKeys', name), stack)}"


def _api_keys(companies: Any) -> Iterator[tuple[Path, Path]]:
    """Each plain value: its path in messages, and its place in the file."""
    for index, company in enumerate(companies if isinstance(companies, list) else ()):
        keys = company.get("apiKeys") if isinstance(company, dict) else None
        path: Path = (COMPANIES, index, "apiKeys")
        place = path
        if isinstance(keys, dict) and "values" in keys:
            keys, place = keys["values"], (*path, "values")
        for name, _ in _texts(keys):
            if name != "secretName":
                yield (*path, name), (*place, name)


def _at(value: Any, place: Path) -> Any:
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _texts(mapping: Any) -> Iterator[tuple[str, str]]:
    if isinstance(mapping, dict):
        yield from ((name, value) for name, value in mapping.items() if isinstance(value, str))


def _has_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return is_encrypted(value) or any(map(_has_encrypted, value.values()))
    return isinstance(value, list) and any(map(_has_encrypted, value))
