"""A stack's usage of AWS's limits."""

from __future__ import annotations

from plan.limits import (
    ACCELERATORS,
    HEALTH_CHECKS,
    RECORDS_PER_ZONE,
    REPLICATION_RULES_PER_BUCKET,
    ROLES,
    Limit,
)
from settings.models import Identity, Manager, Settings
from settings.routes import accelerators_of, record_plan


def usage_of(settings: Settings) -> dict[Limit, int]:
    """The stack's usage of each limit, without other stacks of the account."""
    plan = record_plan(settings)
    edges = {
        (region.name, company.edge)
        for company in settings.companies
        for region in settings.regions_of(company)
        if not region.endpoint
    }
    accelerators = accelerators_of(settings)
    records = (
        len(accelerators)
        + sum(len(tree.records) for tree in plan.trees)
        + len(plan.companies)
        + len(edges)
        + 1
    )
    company_regions = sum(len(settings.regions_of(company)) for company in settings.companies)
    # With Pod Identity a region also keeps the role that both components had in earlier versions.
    gates = 2 * company_regions if settings.identity is Identity.IRSA else 3 * len(settings.regions)
    return {
        RECORDS_PER_ZONE: records if settings.load_balancing.manager is not Manager.EXTERNAL_DNS else 1,
        HEALTH_CHECKS: len(plan.checks),
        ACCELERATORS: len(accelerators),
        REPLICATION_RULES_PER_BUCKET: len(settings.regions) - 1,
        ROLES: gates + 1 if settings.replication.enabled else 0,
    }
