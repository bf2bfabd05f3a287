"""Keys of a stack file that belong to no part of this program: nobody would read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from plan.names import PROJECT
from settings.problems import NO_VALUE, Problem

_OTHERS = ("aws", "kubernetes", "pulumi")


def namespace_problems(config: Mapping[str, str]) -> Iterator[Problem]:
    """Of keys `<namespace>:<name>`. A namespace unlike those of this program is another program's."""
    for key in config:
        namespace, _, name = key.partition(":")
        close = get_close_matches(namespace.lower(), (PROJECT, *_OTHERS), n=1, cutoff=0.8)
        if namespace == "kubernetes":
            advice = (
                "Only Pulumi's own provider reads it. Each cluster has one of this program: set"
                " regions[].cluster."
            )
            yield Problem((key,), NO_VALUE, "must not be set", advice)
        elif close and namespace != close[0]:
            yield Problem((key,), NO_VALUE, "unknown key", f"Did you mean {close[0]}:{name}?")
