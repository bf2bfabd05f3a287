"""Adopts a namespace that exists only if it is the company's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from plan.names import COMPANY_LABEL, foreign_namespace
from settings import ClusterPlan

Check = Callable[[ResourceHookArgs], Awaitable[None]]


def own_namespaces(plan: ClusterPlan, kubeconfig: pulumi.Input[str] | None) -> ResourceHookBinding:
    """The hook of a cluster's namespaces. It asks the cluster before a namespace is created, in a preview as
    well: an adopted namespace gets a quota and a default deny, which would break what runs there.
    """
    options = ResourceHookOptions(on_dry_run=True)
    hook = ResourceHook(f"namespace-is-own@{plan.id}", check_of(plan, kubeconfig), options)
    return ResourceHookBinding(before_create=[hook])


def check_of(plan: ClusterPlan, kubeconfig: pulumi.Input[str] | None) -> Check:
    """Raises ValueError for a namespace of somebody else."""
    connections: list[Any] = []

    async def check(args: ResourceHookArgs) -> None:
        known = await pulumi.Output.from_input(kubeconfig).future()
        if plan.eks and known is None:
            return  # A preview that cannot know the cluster yet.
        if not connections:
            # Loaded here, because most runs create no namespace. The library reads the variable when it is
            # loaded, which may have been before.
            from clients.kubernetes_api import KubernetesApi

            connections.append(KubernetesApi(known or os.environ.get("KUBECONFIG", ""), plan.context or ""))
        name = str((args.new_inputs or {})["metadata"]["name"])
        labels = await asyncio.to_thread(_labels, connections[0], name)
        if labels is not None and labels.get(COMPANY_LABEL) != name:
            raise ValueError(f"{plan.id}: {foreign_namespace(name)}")

    return check


def _labels(api: Any, name: str) -> dict[str, str] | None:
    """Of a live namespace; None where there is none."""
    found = api.list("Namespace", fields=f"metadata.name={name}")
    return (found[0]["metadata"].get("labels") or {}) if found else None
