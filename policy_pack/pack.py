"""All policies, in the order of their listing."""

from __future__ import annotations

from pulumi_policy import Policy

from plan.names import PROJECT
from policy_pack import access, data, hardening, routing, tenancy

NAME = PROJECT
POLICIES: tuple[Policy, ...] = (
    *hardening.POLICIES,
    *tenancy.POLICIES,
    *data.POLICIES,
    *access.POLICIES,
    *routing.POLICIES,
)
