"""Writes docs/policies.md from the policy pack itself: `python -m docs.list_policies`."""

from __future__ import annotations

from pathlib import Path

from policy_pack.pack import POLICIES

OUT = Path(__file__).parent / "policies.md"
HEAD = """\
# Policies

For those who deploy a stack or change the program: what every stack must keep, and what to do about a
violation.

All policies are mandatory. The Pulumi engine checks them in every `make preview` and every `make up`. A
preview with a violation fails. A deployment stops before it creates or changes a resource that violates a
policy. Policies of the stack as a whole, such as `a-region-is-active`, are checked at the end of a
deployment: only the preview before it finds their violations in time.

With the `pulumi` CLI, name the pack:

```sh
pulumi preview --stack <stack> --policy-pack policy_pack
```

This form needs `.venv`, and the Python language host that the CLI brings. Run `make .venv/.done` first:
without `.venv` the pack cannot start, and a preview was seen to hang. A `pulumi` command without a language
host, such as the one that `make up` builds, takes an executable instead of the folder. `make preview` writes
one to `.local/bin/policy-pack`.

`make preview OFFLINE=1` checks the same policies on the recorded resources, without the engine.

A preview may not know a value yet. A policy that needs the value says so in a warning and checks everything
else. The deployment knows the value, and checks it.

The policies are positive lists: `policy_pack/kinds.py` has the kinds of resources that the program makes,
with the keys that it sets, and the other modules say what each may do. IAM documents, trust, NetworkPolicies,
roles of Kubernetes and admission policies are judged by what they allow in effect: `0.0.0.0/1` and
`128.0.0.0/1` are together all addresses, and a pattern of an ARN must lie in the pattern of what a role works
on. Whatever no policy knows is a violation: a new feature of the program starts with a line in the pack.

A violation names the resource, what is wrong, and what to do. `tests/policy_pack/broken/` has changes that
break a promise, `tests/policy_pack/ordinary.py` those that must pass; `tests/policy_pack/breaks.py` breaks
each policy, and `tests/policy_pack/test_engine.py` does so in the engine.

| policy | severity | what must be | otherwise |
|---|---|---|---|
"""


def page() -> str:
    rows = [
        (f"`{policy.name}`", policy.severity, policy.description, policy.remediation_steps)
        for policy in POLICIES
    ]
    rows = [
        f"| {name} | {weight.value if weight else ''} | {must} | {remedy} |\n"
        for name, weight, must, remedy in rows
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    OUT.write_text(page(), encoding="utf-8")
