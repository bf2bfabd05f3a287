"""All policies, in the order in which they are told."""

from __future__ import annotations

from pulumi_policy import Policy

from policy_pack import access, data, hardening, routing, tenancy

NAME = "digital-agency"
POLICIES: tuple[Policy, ...] = (
    *hardening.POLICIES,
    *tenancy.POLICIES,
    *data.POLICIES,
    *access.POLICIES,
    *routing.POLICIES,
)
