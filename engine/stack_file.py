"""Reads a stack file as the CLI passes it to a program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from plan.names import PROJECT

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_stack_file(path: Path, project: str = PROJECT) -> tuple[dict[str, str], list[str]]:
    """The `config:` of a stack file, and its keys with secrets.

    Objects become JSON, scalars text. An encrypted leaf stays `{"secure": …}`, for lack of its key. Raises
    ValueError for a file that is not a stack file, with a line for each problem.
    """
    document = _document(path)
    entries = (document or {}).get("config") or {} if isinstance(document or {}, dict) else None
    if not isinstance(entries, dict):
        raise ValueError(f"{path}: expected a mapping with the key `config`, itself a mapping")
    named = {key if ":" in str(key) else f"{project}:{key}": value for key, value in entries.items()}
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, default=str)
        for key, value in named.items()
    }
    return texts, [key for key, value in named.items() if _has_secret(value)]


def _document(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        twice = list(_keys_twice(yaml.compose(text, Loader=_Loader)))
        document = yaml.load(text, Loader=_Loader)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; must be a stack file") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: must be a stack file; got no UTF-8 text") from error
    except yaml.MarkedYAMLError as error:  # Without its excerpt of the file, which may hold a key.
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ValueError(f"{path}{place}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if twice:
        raise ValueError("\n".join(f"{path}: {problem}" for problem in twice))
    return document


def _keys_twice(node: yaml.Node | None) -> Iterator[str]:
    """Of two equal keys the loader would silently take the last; the Pulumi CLI rejects them, too."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys_twice(item)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                yield f"{name}: duplicate key, in lines {seen[name]} and {line}"
            seen.setdefault(name, line)
            yield from _keys_twice(value)


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))
