"""Writes docs/policies.md from the policy pack itself: `python -m docs.list_policies`."""

from __future__ import annotations

from pathlib import Path

from policy.pack import POLICIES

OUT = Path(__file__).parent / "policies.md"
HEAD = """\
# Policies

What a stack promises, checked on whatever it registers, before anything is made. `make preview` and `make up`
do so with the embedded engine; with the CLI it is

```sh
pulumi preview --stack <stack> --policy-pack policy
```

All are mandatory. A violation says which resource, what is wrong with it, and what to do. `policy/` has them,
a module for each kind; `tests/policy/breaks.py` has for each a resource that breaks it.

| policy | severity | what must be | otherwise |
|---|---|---|---|
"""


def page() -> str:
    told = [(f"`{one.name}`", one.severity, one.description, one.remediation_steps) for one in POLICIES]
    rows = [
        f"| {name} | {weight.value if weight else ''} | {must} | {remedy} |\n"
        for name, weight, must, remedy in told
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    OUT.write_text(page(), encoding="utf-8")
