"""The pack after a change of a stack that keeps every policy."""

from __future__ import annotations

from pulumi_policy import ResourceValidationPolicy

from engine.recorder import Registration
from policy_pack.pack import POLICIES
from policy_pack.running import PROVIDER, Findings, run
from tests.policy_pack.changes import Registrations

OF_RESOURCES = [each for each in POLICIES if isinstance(each, ResourceValidationPolicy)]
OF_THE_STACK = [each for each in POLICIES if not isinstance(each, ResourceValidationPolicy)]


def findings(kept: Registrations, changed: Registrations) -> Findings:
    """What the pack finds in `changed`; it finds nothing in `kept`, of which it has unchanged resources.

    A policy of resources sees one resource with its provider: unchanged ones would be found clean again.
    """

    def is_checked(entry: Registration) -> bool:
        provider = entry.provider.rpartition("::")[0]
        return any(kept.get(urn) is not changed.get(urn) for urn in (entry.urn, provider))

    of_resources = run(
        {urn: each for urn, each in changed.items() if is_checked(each) or each.type.startswith(PROVIDER)},
        OF_RESOURCES,
    )
    of_the_stack = run(changed, OF_THE_STACK)
    return Findings(
        violations=of_resources.violations + of_the_stack.violations,
        undecided=of_resources.undecided + of_the_stack.undecided,
    )
