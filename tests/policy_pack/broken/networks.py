"""NetworkPolicies that break a promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.policy_pack.changes import Registrations, first, inputs, opening
from tests.policy_pack.edits import (
    Change,
    another,
    deny,
    egress,
    gone,
    ingress_from,
    second_policy,
    to,
)
from tests.recording import NETWORK_POLICY


def private_but_one(registrations: Registrations) -> None:
    """The policies of all pods but one's close private addresses."""
    policies = [each.name for each in registrations.values() if each.type == NETWORK_POLICY]
    for name in [name for name in policies if "-agent@" in name or "-brain@" in name][1:]:
        for rule in first(registrations, NETWORK_POLICY, name).inputs["spec"]["egress"]:
            for peer in rule["to"]:
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                    peer["ipBlock"]["except"].append("10.0.0.0/8")


def every_policy(change: Callable[[dict[str, Any]], Any]) -> Change:
    """A change of the blocks of addresses that tenants' pods reach."""

    def act(registrations: Registrations) -> None:
        policies = [each.name for each in registrations.values() if each.type == NETWORK_POLICY]
        for name in [name for name in policies if "-agent@" in name or "-brain@" in name]:
            for rule in first(registrations, NETWORK_POLICY, name).inputs["spec"]["egress"]:
                for peer in rule["to"]:
                    change(peer.get("ipBlock", {"cidr": ""}))

    return act


BROKEN: dict[str, Change] = {
    "network: the internet in halves": egress("0.0.0.0/1", "128.0.0.0/1", port=5432),
    "network: the internet in halves, with the node": egress("0.0.0.0/1", "128.0.0.0/1"),
    "network: half of the internet": egress("0.0.0.0/1", port=22),
    "network: IPv6 in halves": egress("::/1", "8000::/1", port=25),
    "network: quarters": egress("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2", port=25),
    "network: the node's credentials": egress("169.254.169.254/32", port=80),
    "network: link-local": egress("169.254.0.0/16", port=80),
    "network: around link-local": egress("168.0.0.0/5", port=443),
    "network: IPv6 metadata": egress("fd00:ec2::254/128", port=80),
    "network: another port of the identity agent": egress("169.254.170.23/32", port=22),
    "network: an exception is missing": to({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}),
    "network: every port": opening("egress", {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
    "network: a range of ports": opening(
        "egress",
        {
            "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}],
            "ports": [{"port": 1, "endPort": 65535}],
        },
    ),
    "network: senders in halves": ingress_from(
        {"ipBlock": {"cidr": "0.0.0.0/1"}}, {"ipBlock": {"cidr": "128.0.0.0/1"}}, port=3000
    ),
    "network: addresses reach the Brain": ingress_from({"ipBlock": {"cidr": "10.0.0.0/24"}}),
    "network: neighbours reach the Brain": ingress_from({"podSelector": {}}),
    "network: another company reaches the Brain": ingress_from(
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "agent"}}}
    ),
    "network: another company reaches the gate": ingress_from(
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "agent"}}}, port=3010
    ),
    "network: the system namespace reaches the Brain": ingress_from(
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "digital-agency-system"}}}
    ),
    "network: every namespace": ingress_from(
        {"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}
    ),
    "network: all labelled namespaces": to({"namespaceSelector": {}, "podSelector": {}}, port=3002),
    "network: to other companies": to(
        {"namespaceSelector": {"matchExpressions": [{"key": "agency.global/company", "operator": "Exists"}]}},
        port=3002,
    ),
    "network: the Agents of other regions": ingress_from(
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "agent"}}}
    ),
    "network: no default": gone(NETWORK_POLICY, "acme-deny"),
    "network: no default in the system namespace": gone(NETWORK_POLICY, "failover-deny"),
    "network: the default is for one direction": deny(lambda spec: spec.update(policyTypes=["Ingress"])),
    "network: the default is for some": deny(
        lambda spec: spec.update(podSelector={"matchLabels": {"app.kubernetes.io/name": "brain"}})
    ),
    "network: the default is open": deny(lambda spec: spec.update(egress=[{}])),
    "network: types are dropped": inputs(
        NETWORK_POLICY, lambda props: props["spec"].update(policyTypes=["Ingress"]), "brain"
    ),
    "network: types are absent": inputs(
        NETWORK_POLICY, lambda props: props["spec"].pop("policyTypes"), "brain"
    ),
    "network: a second policy": second_policy({"ingress": [{"from": [{"podSelector": {}}]}]}),
    "network: a second policy by addresses": second_policy(
        {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 22}]}]}
    ),
    "network: a second policy in the system namespace": second_policy(
        {"ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8081}]}]},
        "digital-agency-system",
    ),
    "network: a policy of another plugin": another(
        NETWORK_POLICY, "kubernetes:crd.projectcalico.org/v1:GlobalNetworkPolicy", lambda props: None
    ),
    "network: private addresses for one": private_but_one,
    "network: private addresses for all": every_policy(
        lambda block: block["cidr"] == "0.0.0.0/0" and block.update({"except": ["169.254.0.0/16"]})
    ),
    "network: IPv4 inside of IPv6 for all": every_policy(
        lambda block: block["cidr"] == "2000::/3" and block.update({"except": []})
    ),
    "network: all of IPv6 for all": every_policy(
        lambda block: block["cidr"] == "2000::/3" and block.update(cidr="::/0")
    ),
    "network: the node's credentials over NAT64": egress("64:ff9b::a9fe:a9fe/128", port=80),
    "network: the node's credentials as IPv6": egress("::ffff:169.254.169.254/128", port=80),
    "network: the node's credentials over 6to4": egress("2002:a9fe:a9fe::/48", port=80),
    "network: the node's credentials over Teredo": egress("2001:0:a9fe:a9fe::/64", port=80),
    "network: the node's credentials over a local NAT64": egress("64:ff9b:1::a9fe:a9fe/128", port=80),
    "network: NAT64 with the node's credentials": egress("64:ff9b::/96"),
    "network: the internet over NAT64": to(
        {"ipBlock": {"cidr": "64:ff9b::/96", "except": ["64:ff9b::a9fe:0/112"]}}, port=22
    ),
    "network: names from another namespace": to(
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}, port=53
    ),
    "network: another namespace reaches the gate": ingress_from(
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, port=3010
    ),
}
