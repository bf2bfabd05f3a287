"""All policies, in the order of their listing."""

from __future__ import annotations

from pulumi_policy import Policy

from plan.names import PROJECT
from policy_pack import (
    access,
    api,
    buckets,
    configs,
    controllers,
    data,
    denials,
    hardening,
    kinds,
    network,
    publishing,
    replication,
    roles,
    routing,
    secrets,
    tenancy,
    workloads,
)

NAME = PROJECT
POLICIES: tuple[Policy, ...] = (
    *kinds.POLICIES,
    *hardening.POLICIES,
    *tenancy.POLICIES,
    *network.POLICIES,
    *publishing.POLICIES,
    *controllers.POLICIES,
    *data.POLICIES,
    *buckets.POLICIES,
    *replication.POLICIES,
    *access.POLICIES,
    *roles.POLICIES,
    *denials.POLICIES,
    *api.POLICIES,
    *secrets.POLICIES,
    *configs.POLICIES,
    *routing.POLICIES,
    *workloads.POLICIES,
)
