"""Services, Ingresses and health checks that break a promise."""

from __future__ import annotations

from typing import Any

from tests.components.stacks import US, WEST
from tests.policy_pack.changes import first, inputs
from tests.policy_pack.edits import Change, annotated, backend, host, service
from tests.recording import HEALTH_CHECK, INGRESS, RECORD, SERVICE


def claimed(props: dict[str, Any]) -> None:
    """Nothing keeps external-dns away."""
    own = props["metadata"]["annotations"]
    props["metadata"]["annotations"] = {key: own[key] for key in own if "external-dns" not in key}


BROKEN: dict[str, Change] = {
    "dns: external-dns makes records of a company's host": inputs(INGRESS, claimed, f"acme-agent@{US}"),
    "dns: external-dns makes records of an edge": inputs(INGRESS, claimed, "edge-1"),
    "dns: an old external-dns makes records": inputs(
        INGRESS,
        lambda props: props["metadata"]["annotations"].pop("external-dns.alpha.kubernetes.io/controller"),
        f"acme-agent@{US}",
    ),
    "service: a load balancer for the Brain": service("acme-brain", type="LoadBalancer"),
    "service: a port of every node": service("acme-brain", type="NodePort"),
    "service: external addresses": service("acme-brain", externalIPs=["203.0.113.7"]),
    "service: another name": service("acme-agent", type="ExternalName", externalName="example.com"),
    "service: the Agent's leads to the Brain": service(
        f"acme-agent@{US}-service", ports=[{"name": "agent", "port": 3000, "targetPort": 3002}]
    ),
    "service: the Agent's selects all": service(
        f"acme-agent@{US}-service", selector={"app.kubernetes.io/part-of": "digital-agency"}
    ),
    "service: the Agent's selects the Brain": inputs(
        SERVICE,
        lambda props: props["spec"]["selector"].update({"app.kubernetes.io/name": "brain"}),
        f"acme-agent@{US}-service",
    ),
    "ingress: plain HTTP": annotated(f"acme-agent@{WEST}", listen_ports='[{"HTTP": 80}]'),
    "ingress: no redirect": annotated(f"acme-agent@{WEST}", ssl_redirect=None),
    "ingress: no ports": annotated(f"acme-agent@{WEST}", listen_ports=None),
    "ingress: old TLS": annotated(f"acme-agent@{WEST}", ssl_policy="ELBSecurityPolicy-2016-08"),
    "ingress: another port": annotated(
        f"acme-agent@{WEST}", listen_ports='[{"HTTP": 80}, {"HTTPS": 443}, {"HTTP": 8080}]'
    ),
    "ingress: an action to anywhere": annotated(
        f"acme-agent@{WEST}",
        **{"actions.out": '{"type":"redirect","redirectConfig":{"host":"evil.example.com"}}'},
    ),
    "ingress: plain HTTP behind nginx": inputs(
        INGRESS,
        lambda props: props["metadata"]["annotations"].update(
            {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}
        ),
        f"acme-agent@{US}",
    ),
    "ingress: a snippet": inputs(
        INGRESS,
        lambda props: props["metadata"]["annotations"].update(
            {"nginx.ingress.kubernetes.io/configuration-snippet": "return 200;"}
        ),
        f"acme-agent@{US}",
    ),
    "ingress: another company's host": host(f"acme-agent@{US}", host="agent.agency.example.com"),
    "ingress: every host": host(f"acme-agent@{US}", host="*.agency.example.com"),
    "ingress: a certificate of another name": inputs(
        INGRESS, lambda props: props["spec"].update(tls=[{"hosts": ["acme.example.com"]}]), "edge-1"
    ),
    "ingress: a company asks for a certificate": inputs(
        INGRESS, lambda props: props["spec"].update(tls=[{"hosts": [f"{US}.a.b"]}]), f"acme-agent@{US}"
    ),
    "ingress: a certificate from a Secret": inputs(
        INGRESS,
        lambda props: props["spec"].update(tls=[{"hosts": [f"{US}.a.b"], "secretName": "a"}]),
        "edge-1",
    ),
    "ingress: no host": inputs(
        INGRESS, lambda props: props["spec"]["rules"][0].pop("host"), f"acme-agent@{US}"
    ),
    "ingress: the gate": backend(f"acme-agent@{US}", f"agent-{US}-headless", 3010),
    "ingress: the Brain": backend(f"acme-agent@{US}", f"brain-{US}", 3002),
    "ingress: an unknown Service": backend(f"acme-agent@{US}", "other", 3000),
    "ingress: the controller's metrics": backend("eu-west-1-edge-1", "failover-controller", 8081),
    "dns: health by plain HTTP": inputs(HEALTH_CHECK, lambda props: props.update(type="HTTP", port=80)),
    "ingress: open to the internet": annotated(f"acme-agent@{WEST}", scheme="internal"),
    "dns: an inverted check": inputs(HEALTH_CHECK, lambda props: props.update(invertHealthcheck=True)),
    "dns: a disabled check": inputs(HEALTH_CHECK, lambda props: props.update(disabled=True)),
    "dns: a name leads elsewhere": inputs(
        RECORD, lambda props: props.update(records=["evil.example.com"]), f"{US}-leaf"
    ),
    "dns: a name leads to another's": inputs(
        RECORD, lambda props: props["aliases"][0].update(name="evil.example.com"), "acme-name"
    ),
    "dns: no health is asked for": inputs(RECORD, lambda props: props.pop("healthCheckId"), f"{US}-leaf"),
    "dns: an alias whatever the health": inputs(
        RECORD, lambda props: props["aliases"][0].update(evaluateTargetHealth=False), "acme-name"
    ),
    "dns: clients stay for a day": inputs(RECORD, lambda props: props.update(ttl=86400), f"{US}-leaf"),
    "dns: another zone": inputs(RECORD, lambda props: props.update(zoneId="ZEVIL"), f"{US}-leaf"),
    "dns: the health of nobody": inputs(
        RECORD, lambda props: props.update(healthCheckId="00000000-0000"), f"{US}-leaf"
    ),
    "dns: the health of another region": lambda registrations: inputs(
        RECORD,
        lambda props: props.update(healthCheckId=first(registrations, HEALTH_CHECK, WEST).id),
        f"{US}-leaf",
    )(registrations),
    "dns: another region's load balancer": inputs(
        RECORD, lambda props: props.update(records=["lb.eu-west-1.example.net"]), f"{US}-leaf"
    ),
    "dns: two primaries": inputs(
        RECORD, lambda props: props.update(failoverRoutingPolicies=[{"type": "PRIMARY"}]), ":secondary"
    ),
    "dns: another company's name": inputs(
        RECORD, lambda props: props["aliases"][0].update(name="agent.agency.example.com"), "acme-name"
    ),
    "dns: a check of any page": inputs(HEALTH_CHECK, lambda props: props.update(resourcePath="/")),
    "dns: a check of another host": inputs(HEALTH_CHECK, lambda props: props.update(fqdn="example.com")),
    "dns: a slow check": inputs(
        HEALTH_CHECK, lambda props: props.update(requestInterval=30, failureThreshold=10)
    ),
    "dns: a check of no checks": inputs(
        HEALTH_CHECK,
        lambda props: props.update(type="CALCULATED", childHealthThreshold=0, childHealthchecks=[]),
    ),
    "ingress: targets are asked for anything": annotated(f"acme-agent@{WEST}", healthcheck_path="/"),
    "ingress: another account's certificate": annotated(
        f"acme-agent@{WEST}", certificate_arn="arn:aws:acm:us-west-2:999999999999:certificate/x"
    ),
    "ingress: another class": inputs(
        INGRESS, lambda props: props["spec"].update(ingressClassName="public"), f"acme-agent@{US}"
    ),
    "ingress: another zone's host": host(f"acme-agent@{US}", host="acme.evil.example.org"),
    "ingress: a certificate of another company": inputs(
        INGRESS,
        lambda props: props["spec"].update(tls=[{"hosts": ["agent.agency.example.com"]}]),
        f"acme-agent@{US}",
    ),
    "ingress: an edge answers everything": inputs(
        INGRESS,
        lambda props: props["spec"]["rules"][0]["http"]["paths"][0].update(path="/"),
        "eu-west-1-edge-1",
    ),
    "ingress: a certificate for others": inputs(
        "aws:acm/certificate:Certificate", lambda props: props.update(domainName="*.evil.example.org")
    ),
}
