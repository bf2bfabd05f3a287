"""Rules for every pod of every stack: hardened, probed, bound to its region, admitted by its quota."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.recorder import Registration
from plan.names import COMPANY_LABEL, REGION_LABEL
from settings.values import quantity
from tests.recording import (
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    LIMIT_RANGE,
    PRIORITY_CLASS,
    QUOTA,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VOLUME_CLAIM,
    Recording,
)

LEAST_GRACE_SECONDS = 60
LONGEST_ORDERLY_START_SECONDS = 60
"""A pod that needs more than a minute to start must not be killed for it."""

Manifest = Mapping[str, Any]


def pods(run: Recording) -> Iterator[tuple[Registration, dict[str, Any]]]:
    """Every StatefulSet with the spec of its pods: the companies'."""
    for resource in run.of(STATEFUL_SET):
        yield resource, resource.inputs["spec"]["template"]["spec"]


def all_pods(run: Recording) -> Iterator[tuple[Registration, dict[str, Any]]]:
    """Those of the companies, and the failover controllers'."""
    yield from pods(run)
    for resource in run.of(DEPLOYMENT):
        yield resource, resource.inputs["spec"]["template"]["spec"]


def containers(spec: Manifest) -> Iterator[tuple[Manifest, bool]]:
    """All containers, and whether each runs as long as the pod (native sidecars too)."""
    yield from ((container, True) for container in spec["containers"])
    yield from (
        (container, container.get("restartPolicy") == "Always")
        for container in spec.get("initContainers", [])
    )


def there_are_pods_for_every_company_in_every_region(run: Recording) -> None:
    wanted = {
        (f"{kind}-{region.name}", company.namespace)
        for company in run.settings.companies
        for region in run.settings.regions_of(company)
        for kind in ("agent", "brain")
    }
    found = {
        (resource.inputs["metadata"]["name"], resource.inputs["metadata"]["namespace"])
        for resource, _ in pods(run)
    }
    assert found == wanted


def pods_have_one_user_and_share_processes_only_with_the_gate(run: Recording) -> None:
    """The policy pack checks the rest of the hardening (`graph_rules.policies_are_kept`)."""
    for resource, spec in all_pods(run):
        tenant, context = resource.type == STATEFUL_SET, spec["securityContext"]
        assert {context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {run.settings.pod_user}
        assert context["fsGroupChangePolicy"] == "OnRootMismatch", resource.name
        assert spec.get("shareProcessNamespace", False) is tenant, resource.name
        assert spec["enableServiceLinks"] is False and "hostUsers" not in spec, resource.name
        assert spec["terminationGracePeriodSeconds"] >= LEAST_GRACE_SECONDS, resource.name
        assert all("sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""}) for volume in spec["volumes"])
        # Only the failover controller has its account's token.
        assert any("projected" in volume for volume in spec["volumes"]) is not tenant, resource.name
        for container, _ in containers(spec):
            where = f"{resource.name}: {container['name']}"
            # Signals between containers of different users fail.
            assert not {"runAsUser", "runAsGroup"} & container["securityContext"].keys(), where
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, where
            for amounts in (container["resources"][kind] for kind in ("requests", "limits")):
                assert all(quantity(amount) > 0 for amount in amounts.values()), where


PATHS = {"gate": ("/live", "/live"), "failover-controller": ("/live", "/ready")}
"""Of the stack's containers: where the kubelet asks for liveness, and for readiness."""


def long_running_containers_are_probed(run: Recording) -> None:
    """On their own port: another service's outage restarts nobody. The gate says whether a workload is ready:
    what it says counts at once, while the application has a second chance.
    """
    for resource, spec in all_pods(run):
        for container in (container for container, runs in containers(spec) if runs):
            where = f"{resource.name}: {container['name']}"
            ports = {port[key] for port in container["ports"] for key in ("name", "containerPort")}
            alive, ready = PATHS.get(container["name"], ("/health", "/health"))
            startup, liveness = container["startupProbe"], container["livenessProbe"]
            for probe in (startup, liveness):
                assert probe["httpGet"]["path"] == alive, where
                assert probe["httpGet"]["port"] in ports and "host" not in probe["httpGet"], where
            readiness = container["readinessProbe"]
            if container["name"] in ("agent", "brain"):
                assert readiness["httpGet"] == {"path": "/ready", "port": 3010}, where
                assert (readiness["periodSeconds"], readiness["failureThreshold"]) == (5, 1), where
            else:
                assert readiness["httpGet"]["path"] == ready, where
                assert readiness["httpGet"]["port"] in ports, where
            patience = startup["periodSeconds"] * startup["failureThreshold"]
            assert patience >= LONGEST_ORDERLY_START_SECONDS, where
            assert liveness["failureThreshold"] > readiness["failureThreshold"], where


def selectors_take_exactly_their_own_pods(run: Recording) -> None:
    labels = {
        resource.urn: resource.inputs["spec"]["template"]["metadata"]["labels"]
        for resource, _ in all_pods(run)
    }
    for resource in run.of(STATEFUL_SET, DEPLOYMENT, SERVICE, DISRUPTION_BUDGET):
        selector = resource.inputs["spec"]["selector"]
        wanted = selector if resource.type == SERVICE else selector["matchLabels"]
        siblings = run.children(run.by_urn[resource.parent])
        own = {sibling.urn for sibling in siblings if sibling.type in (STATEFUL_SET, DEPLOYMENT)}
        # Over all namespaces, though a selector never leaves its own; but clusters have nothing in common.
        found = {
            urn
            for urn, of in labels.items()
            if wanted.items() <= of.items() and run.cluster_of(run.by_urn[urn]) == run.cluster_of(resource)
        }
        assert found == own, resource.name


def of_namespace(run: Recording, type_: str, like: Registration) -> dict[str, Registration]:
    """Objects of a type beside another one, by name."""
    namespace = like.inputs["metadata"]["namespace"]
    return {
        resource.inputs["metadata"]["name"]: resource
        for resource in run.objects(type_, namespace=namespace)
        if run.cluster_of(resource) == run.cluster_of(like)
    }


def pods_find_what_they_name(run: Recording) -> None:
    """Their volumes are of their own region, and the identity, the Secret and the Service exist."""
    secrets_of_companies = {
        company.namespace: company.api_keys.secret_name
        for company in run.settings.companies
        if company.api_keys and company.api_keys.secret_name
    }
    for resource, spec in all_pods(run):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert len(volumes) == len(spec["volumes"]), resource.name
        for claim in (
            of["persistentVolumeClaim"] for of in volumes.values() if "persistentVolumeClaim" in of
        ):
            region = resource.inputs["metadata"]["labels"][REGION_LABEL]
            found = of_namespace(run, VOLUME_CLAIM, resource)[claim["claimName"]]
            assert found.inputs["metadata"]["labels"][REGION_LABEL] == region, f"{resource.name}: {claim}"
        account = of_namespace(run, SERVICE_ACCOUNT, resource)[spec["serviceAccountName"]]
        assert account.inputs["automountServiceAccountToken"] is False
        if resource.type == STATEFUL_SET:
            assert resource.inputs["spec"]["serviceName"] in of_namespace(run, SERVICE, resource)
        priorities = [of for of in run.of(PRIORITY_CLASS) if run.cluster_of(of) == run.cluster_of(resource)]
        own_class = {of.inputs["metadata"]["name"] for of in priorities}
        existing = run.settings.pods.priority_class_name
        assert own_class == ({"digital-agency"} if existing is None else set())
        assert spec["priorityClassName"] == (existing or "digital-agency")
        for container, _ in containers(spec):
            mounts = container["volumeMounts"]
            assert {mount["name"] for mount in mounts} <= volumes.keys()
            assert len({mount["mountPath"] for mount in mounts}) == len(mounts), resource.name
            assert not any("subPath" in mount for mount in mounts)
            for source in container.get("envFrom", []):
                secret = source["secretRef"]["name"]
                own = secrets_of_companies.get(resource.inputs["metadata"]["namespace"])
                assert secret == own or secret in of_namespace(run, SECRET, resource)


def _most(spec: Manifest, unit: str) -> Decimal:
    """What a pod may use at most: its containers together, or an init container with the sidecars that began
    before it (source: Kubernetes documentation, "Resource sharing within containers").
    """
    beside, highest = Decimal(0), Decimal(0)
    for container in spec.get("initContainers", []):
        amount = quantity(container["resources"]["limits"][unit])
        highest = max(highest, beside + amount)
        beside += amount if container.get("restartPolicy") == "Always" else 0
    running = sum(
        (quantity(container["resources"]["limits"][unit]) for container in spec["containers"]), beside
    )
    return max(running, highest)


def namespaces_admit_their_pods(run: Recording) -> None:
    """The quota a rollout of all of them at once; the limits the largest, and no larger one."""
    replicas: dict[tuple[str, str], int] = defaultdict(int)
    most: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    allowed: dict[tuple[str, str, str], Decimal] = {}
    for resource, spec in pods(run):
        namespace, cluster = resource.inputs["metadata"]["namespace"], run.cluster_of(resource)
        replicas[namespace, cluster] += resource.inputs["spec"]["replicas"]
        (limits,) = of_namespace(run, LIMIT_RANGE, resource).values()
        largest = next(limit["max"] for limit in limits.inputs["spec"]["limits"] if limit["type"] == "Pod")
        for unit in ("cpu", "memory"):
            most[namespace, cluster, unit] = max(most[namespace, cluster, unit], _most(spec, unit))
            allowed[namespace, cluster, unit] = quantity(largest[unit])
    quotas = {
        (of.inputs["metadata"]["namespace"], run.cluster_of(of)): of.inputs["spec"]["hard"]
        for of in run.of(QUOTA)
    }
    assert quotas.keys() == replicas.keys()
    for place, amount in most.items():
        # Rounded up to whole mebibytes; init containers that replication would bring have their room already.
        assert amount <= allowed[place], place
        assert allowed[place] - amount < 2**20 or not run.settings.replication.enabled, place
    for place, count in replicas.items():
        assert int(quotas[place]["pods"]) >= 2 * count, place


def before(run: Recording, resource: Registration) -> set[str]:
    """Everything that is there before a resource, its dependencies' dependencies included."""
    found: set[str] = set()
    ahead = [resource.urn]
    while ahead:
        new = run.by_urn[ahead.pop()].dependencies - found
        found |= new
        ahead.extend(new)
    return found


def guards_come_before_what_they_guard(run: Recording) -> None:
    """A namespace comes before what is in it; quota, limits, default deny and opening before a pod."""
    for resource in run.objects():
        namespace = resource.inputs["metadata"].get("namespace")
        earlier = [run.by_urn[urn] for urn in before(run, resource)]
        found = {(of.inputs["kind"], of.inputs["metadata"]["name"]) for of in earlier if "kind" in of.inputs}
        if namespace:
            assert ("Namespace", namespace) in found, resource.name
        if resource.type == STATEFUL_SET:
            own = resource.inputs["metadata"]["name"]
            assert found >= {
                ("ResourceQuota", "company"),
                ("LimitRange", "company"),
                ("NetworkPolicy", "default-deny"),
                ("NetworkPolicy", own),
                ("PersistentVolumeClaim", own),
                ("ServiceAccount", own),
            }, resource.name


def labels_name_company_and_region(run: Recording) -> None:
    for resource, _ in pods(run):
        template = resource.inputs["spec"]["template"]["metadata"]["labels"]
        assert template == resource.inputs["metadata"]["labels"]
        assert template[COMPANY_LABEL] == resource.inputs["metadata"]["namespace"]


RULES = (
    there_are_pods_for_every_company_in_every_region,
    pods_have_one_user_and_share_processes_only_with_the_gate,
    long_running_containers_are_probed,
    selectors_take_exactly_their_own_pods,
    pods_find_what_they_name,
    namespaces_admit_their_pods,
    guards_come_before_what_they_guard,
    labels_name_company_and_region,
)
