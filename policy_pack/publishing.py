"""What clients reach, by HTTPS: the Agents under their companies' hosts, and the controller's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL, FAILOVER_CONTROLLER, REGION_LABEL, SYSTEM_NAMESPACE
from policy_pack.stack import Place, Stack, known, place
from policy_pack.writing import (
    Problems,
    Props,
    each,
    every,
    labels,
    metadata,
    of_resources,
    of_the_stack,
    unlike,
)
from runtime.contracts.controller import HTTP_PORT
from runtime.ports import AGENT_PORT

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
SERVICE = "kubernetes:core/v1:Service"
HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"
CERTIFICATE = "aws:acm/certificate:Certificate"
NAME = "app.kubernetes.io/name"
ALB = "alb.ingress.kubernetes.io/"
ALB_KEYS = {
    "certificate-arn", "enable-frontend-nlb", "frontend-nlb-scheme", "frontend-nlb-subnets",
    *(f"frontend-nlb-healthcheck-{key}" for key in (
        "healthy-threshold-count", "interval-seconds", "path", "port", "protocol", "success-codes",
        "timeout-seconds", "unhealthy-threshold-count",
    )),
    "group.name", "group.order", "healthcheck-interval-seconds", "healthcheck-path",
    "healthcheck-timeout-seconds", "healthy-threshold-count", "inbound-cidrs", "ip-address-type",
    "listen-ports", "load-balancer-attributes", "manage-backend-security-group-rules", "scheme",
    "security-groups", "ssl-policy", "ssl-redirect", "subnets", "tags", "target-group-attributes",
    "target-type", "unhealthy-threshold-count", "wafv2-acl-arn",
}  # fmt: skip
LISTENERS = [{"HTTP": 80}, {"HTTPS": 443}]
TLS = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]|FS-1-2|TLS-1-2)-")
"""The policies without TLS 1.0 and 1.1 (source: user guide of Application Load Balancers)."""
PUBLISHED = {False: ("agent", AGENT_PORT), True: (FAILOVER_CONTROLLER, HTTP_PORT)}
"""By whether an Ingress is an edge's: the kind of pod, and its port."""


def _inside(args: ResourceValidationArgs) -> Iterator[str]:
    type_ = args.props["spec"].get("type") or "ClusterIP"
    if type_ != "ClusterIP":
        yield f"its type is {type_}: it would be reached past the edges"


def _encrypted(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type == HEALTH_CHECK:
        if args.props.get("type") not in ("HTTPS", "CALCULATED"):
            yield f"its type is {args.props.get('type')}: requests are not encrypted"
        return
    own = metadata(args.props).get("annotations") or {}
    if any(key.startswith(ALB) for key in own) or args.props["spec"].get("ingressClassName") == "alb":
        yield from _listens(own)


def _paths(rule: Props, ingress: PolicyResource, edge: bool) -> Iterator[str]:
    """An edge answers for its region alone, and load balancers ask for what each answers."""
    region = labels(ingress.props).get(REGION_LABEL)
    own = {f"/healthz/{region}", f"/peer/{region}"}
    for path in rule["http"]["paths"] if edge else ():
        if path["path"] not in own and not str(path["path"]).startswith(f"/edge/{region}"):
            yield f"it answers {path['path']}, which is not its region's"
    asked = (metadata(ingress.props).get("annotations") or {}).get(f"{ALB}healthcheck-path")
    if asked is not None and asked not in {"/health", *(own if edge else ())}:
        yield f"its targets are asked for {asked}"


def _listens(own: Mapping[str, Any]) -> Iterator[str]:
    listeners = json.loads(own.get(f"{ALB}listen-ports") or '[{"HTTP": 80}]')
    if {"HTTPS": 443} not in listeners or any(each not in LISTENERS for each in listeners):
        yield "it does not listen on port 443 by HTTPS, or on others, too"
    if {"HTTP": 80} in listeners and own.get(f"{ALB}ssl-redirect") != "443":
        yield "plain HTTP is not redirected to HTTPS"
    if not TLS.match(str(own.get(f"{ALB}ssl-policy") or "")):
        yield "its ssl-policy accepts TLS before 1.2"


def _published(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    services: dict[tuple[Place, str], Props] = {
        (place(service), metadata(service.props)["name"]): service.props["spec"]
        for service in stack.of(SERVICE)
    }
    schemes = {
        (metadata(ingress.props).get("annotations") or {}).get(f"{ALB}scheme", ""): ingress
        for ingress in stack.of(INGRESS)
    }
    if len(public := schemes.keys() & {"internal", "internet-facing"}) > 1:
        yield schemes["internet-facing"], f"load balancers have several schemes: {', '.join(sorted(public))}"
    yield from every(
        lambda: each(
            stack.of(INGRESS),
            lambda ingress: ((ingress, problem) for problem in _leads(ingress, services, stack)),
        ),
        lambda: _alike(stack),
    )


def _alike(stack: Stack) -> Problems:
    """Ingresses with another domain, IngressClass or account of certificates than the others."""
    of_companies = [one for one in stack.of(INGRESS) if place(one)[1] != SYSTEM_NAMESPACE]
    yield from unlike(
        "domain", [(one, host.partition(".")[2]) for one in of_companies for host in _hosts(one)]
    )
    classes: dict[tuple[str, str], list[tuple[PolicyResource, str]]] = {}
    for one in stack.of(INGRESS):
        at = place(one)[0], str(labels(one.props).get(REGION_LABEL))
        classes.setdefault(at, []).append((one, str(one.props["spec"].get("ingressClassName"))))
    for found in classes.values():
        yield from unlike("IngressClass", found)
    arns = [
        (one, known(one.props, "metadata", "annotations", f"{ALB}certificate-arn"))
        for one in stack.of(INGRESS)
    ]
    yield from unlike("certificate's account", [(one, str(arn).split(":")[4]) for one, arn in arns if arn])
    domains = {host.partition(".")[2] for one in of_companies for host in _hosts(one)}
    for certificate in stack.of(CERTIFICATE):
        if domains and str(certificate.props.get("domainName")).removeprefix("*.") not in domains:
            yield (
                certificate,
                f"it is for {certificate.props.get('domainName')}, not for {', '.join(domains)}",
            )


def _hosts(ingress: PolicyResource) -> list[str]:
    return [str(rule.get("host") or "") for rule in ingress.props["spec"].get("rules") or ()]


def _leads(
    ingress: PolicyResource, services: Mapping[tuple[Place, str], Props], stack: Stack
) -> Iterator[str]:
    spec, namespace = ingress.props["spec"], place(ingress)[1]
    edge = namespace == SYSTEM_NAMESPACE
    default = (spec.get("defaultBackend") or {}).get("service") or {}
    if spec.get("defaultBackend") and not (edge and default.get("port", {}).get("name") == "use-annotation"):
        yield "a defaultBackend answers for every host"
    own = re.compile(rf"{re.escape(str(labels(ingress.props).get(REGION_LABEL)))}(-\d+)?\.")
    for host in (str(host) for tls in spec.get("tls") or () for host in tls.get("hosts") or ()):
        if not (edge and own.match(host)):
            yield f"it asks for a certificate of {host}, which is not its region's name"
    for rule in spec.get("rules") or ():
        yield from _paths(rule, ingress, edge)
        host = str(rule.get("host") or "")
        if not edge and host.partition(".")[0] != namespace:
            yield f"it answers for {host or 'every host'}, not for the company {namespace} alone"
        for path in rule["http"]["paths"]:
            backend = path["backend"].get("service")
            if backend is None:
                yield "a backend is no Service"
            elif not (edge and backend["port"].get("name") == "use-annotation"):
                yield from _backend(backend, PUBLISHED[edge], place(ingress), services, stack)


def _backend(
    backend: Props,
    wanted: tuple[str, int],
    at: Place,
    services: Mapping[tuple[Place, str], Props],
    stack: Stack,
) -> Iterator[str]:
    """A backend must be the Service of the wanted kind of pods, and lead to the wanted port of theirs."""
    spec, port = services.get((at, backend["name"])), backend["port"]
    name, asked = backend["name"], port.get("number") or port.get("name")
    shown = f"{name}:{int(asked) if isinstance(asked, float) else asked} is on an Ingress"
    if spec is None:
        yield f"{shown}, but is no Service of the stack"
        return
    selector = spec.get("selector") or {}
    pods = [each for each in stack.workloads[at] if _matches(selector, each)]
    entries = [
        each
        for each in spec.get("ports") or ()
        if (port.get("number") and each["port"] == port["number"]) or each.get("name") == port.get("name", "")
    ]
    found = {(metadata(pod)["labels"].get(NAME), _number(entry, pod)) for pod in pods for entry in entries}
    if (
        found != {wanted}
        or selector.get(NAME) != wanted[0]
        or (COMPANY_LABEL in selector) != (wanted[0] == "agent")
    ):
        yield shown


def _matches(selector: Props, pod: Props) -> bool:
    return bool(selector) and selector.items() <= (metadata(pod).get("labels") or {}).items()


def _number(entry: Props, pod: Props) -> int | None:
    """The port of the pod's containers to which a Service's port leads."""
    target = entry.get("targetPort") or entry["port"]
    if isinstance(target, int | float):
        return int(target)
    ports = (port for container in pod["spec"]["containers"] for port in container.get("ports") or ())
    return next((int(port["containerPort"]) for port in ports if port.get("name") == target), None)


POLICIES = (
    of_the_stack(
        "only-the-agent-is-published",
        Severity.CRITICAL,
        f"Ingresses lead to the Agent's port {AGENT_PORT} by the company's host, edges' to the controller.",
        f"Let it lead to the Agent's Service, port {AGENT_PORT}, by the company's host.",
        _published,
    ),
    of_resources(
        "services-stay-inside",
        Severity.CRITICAL,
        [SERVICE],
        "Services are reached inside the cluster only: clients come by the edges' Ingresses.",
        "Set type: ClusterIP.",
        _inside,
    ),
    of_resources(
        "clients-use-https",
        Severity.HIGH,
        [INGRESS, HEALTH_CHECK],
        "Load balancers listen by HTTPS from TLS 1.2 on, redirect plain HTTP, and are checked by HTTPS.",
        "Use the annotations of `components/load_balancer.py` alone.",
        _encrypted,
    ),
)
