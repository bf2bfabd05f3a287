"""A control plane, an AWS emulator and the real controller, and the load balancers that it has created."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from local.aws import emulator
from local.cluster import control_plane, load_balancer_controller
from local.kubernetes_api import KubernetesApi
from plan.names import REGION_LABEL
from tests.load_balancers.promised import (
    CHECK,
    DELAY,
    NOTHING,
    OK,
    PATH,
    PREFIX,
    REDIRECT,
    Balancer,
    Rule,
    promised,
)
from tests.recording import AWS_REGION, INGRESS, NAMESPACE, SERVICE, Recording

FIELD_MANAGER = "test"
LIMIT_SECONDS = 120.0
POLL_SECONDS = 0.2
KINDS = (NAMESPACE, SERVICE, INGRESS)
"""In the order of creation. Namespaces stay: without a namespace controller their deletion never ends."""
ZONE = "Z0JUDGE"


class Judge:
    """`apply` has the controller make a recording's load balancers, `check` compares."""

    def __init__(self, state: Path) -> None:
        plane = control_plane.start(state, print)
        self.aws = emulator.start(state, print)
        load_balancer_controller.start(state, plane.kubeconfig, self.aws, AWS_REGION, print, webhooks=True)
        self.api = KubernetesApi(str(plane.kubeconfig), "", threading.Event(), print)
        self.elbv2 = self.client("elbv2")
        nginx = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
        self.api.call("POST", "/apis/networking.k8s.io/v1/ingressclasses", nginx)
        self._certificates = dict[tuple[str, str], str]()
        self._applied = dict[str, dict[str, Any]]()

    def client(self, service: str, region: str = AWS_REGION) -> Any:
        return boto3.client(service, region_name=region, **self.aws.credentials())

    def check(self, recording: Recording) -> None:
        """Put the recording's Services and Ingresses in place of those of the time before; compare what the
        controller makes of them with what the plan promises.
        """
        wanted = promised(recording, self.apply(recording))
        deadline = time.monotonic() + LIMIT_SECONDS
        while (settled := self._settled()) != wanted or len(self._balancers()) != len(wanted):
            if time.monotonic() > deadline:
                print(*self.warnings(), sep="\n")
                assert settled == wanted
                assert len(self._balancers()) == len(wanted)
            time.sleep(POLL_SECONDS)

    def apply(self, recording: Recording) -> dict[str, str]:
        """The certificate of each region."""
        certificates = {
            region.name: self._certificate(region.name, recording.settings.domain)
            for region in recording.settings.regions
        }
        manifests = (
            _with_certificate(each.inputs, certificates) for kind in KINDS for each in recording.objects(kind)
        )
        self.replace({self.api.path(manifest): manifest for manifest in manifests})
        return certificates

    def replace(self, wanted: dict[str, dict[str, Any]]) -> None:
        """Have these objects, by their path, in place of those of the time before."""
        for path, manifest in wanted.items():
            if self._applied.get(path) != manifest:
                query = f"?fieldManager={FIELD_MANAGER}&force=true&fieldValidation=Strict"
                self.api.call("PATCH", path + query, manifest, "application/apply-patch+yaml")
        for kind in ("Ingress", "Service"):
            removed = [
                path for path in self._applied.keys() - wanted.keys() if self._applied[path]["kind"] == kind
            ]
            for path in removed:
                self.api.call("DELETE", path)
            for path in removed:
                self.api.wait(
                    self._applied[path], None, "gone: the controller clears away first", LIMIT_SECONDS
                )
        self._applied = wanted

    def balancers(self) -> dict[str, Balancer]:
        """Those that Ingresses of edges have as their address, by the Ingress's name. An edge whose companies
        have another address is not there.
        """
        addresses = dict[str, set[str]]()
        for each in self.api.call("GET", "/apis/networking.k8s.io/v1/ingresses")["items"]:
            group = each["metadata"]["annotations"].get(f"{PREFIX}group.name", "")
            points = each["status"].get("loadBalancer", {}).get("ingress", [{}])
            addresses.setdefault(group, set()).add(points[0].get("hostname", ""))
        created = {each["DNSName"]: each for each in self._balancers()}
        names = self._edges()
        return {
            names[group]: self._describe(created[address])
            for group, (address, *others) in addresses.items()
            if not others and address in created and group in names
        }

    def _settled(self) -> dict[str, Balancer] | None:
        """None while a load balancer goes away under our eyes."""
        try:
            return self.balancers()
        except self.elbv2.exceptions.ClientError as error:
            if not error.response["Error"]["Code"].endswith("NotFound"):
                raise
            return None

    def services(self) -> dict[str, str]:
        """The Service of each target group, as the controller binds them."""
        bindings = self.api.call("GET", "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings")["items"]
        return {
            each["spec"][
                "targetGroupARN"
            ]: f"{each['metadata']['namespace']}/{each['spec']['serviceRef']['name']}"
            for each in bindings
        }

    def warnings(self) -> list[str]:
        """What the controller complained of."""
        events = self.api.call("GET", "/api/v1/events")["items"]
        return [each["message"] for each in events if each["type"] == "Warning"]

    def _edges(self) -> dict[str, str]:
        """The name of each edge's Ingress, by its group."""
        ingresses = [each for each in self._applied.values() if each["kind"] == "Ingress"]
        edges = [each["metadata"] for each in ingresses if each["metadata"]["name"].startswith("edge-")]
        return {each["annotations"].get(f"{PREFIX}group.name", ""): each["name"] for each in edges}

    def _balancers(self) -> list[dict[str, Any]]:
        return list(self.elbv2.describe_load_balancers()["LoadBalancers"])

    def _describe(self, balancer: Mapping[str, Any]) -> Balancer:
        services, arn = self.services(), balancer["LoadBalancerArn"]
        listeners = {
            listener["Port"]: listener
            for listener in self.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        }
        answer = self.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)
        attributes = {each["Key"]: each["Value"] for each in answer["Attributes"]}
        secure = listeners.get(443, {})
        groups = self.elbv2.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"] if secure else []
        actions = listeners.get(80, {}).get("DefaultActions", [])
        certificates = [each["CertificateArn"] for each in secure.get("Certificates", [])]
        return Balancer(
            scheme=balancer["Scheme"],
            keep_alive=str(attributes.get("client_keep_alive.seconds")),
            zones=len(balancer["AvailabilityZones"]),
            plain=_does(actions, services),
            certificate=", ".join(certificates),
            policy=secure.get("SslPolicy", ""),
            rules=self._rules(secure["ListenerArn"], services) if secure else (),
            otherwise=_does(secure.get("DefaultActions", []), services),
            groups={services.get(group["TargetGroupArn"], "nothing"): self._group(group) for group in groups},
        )

    def _rules(self, listener: str, services: Mapping[str, str]) -> tuple[Rule, ...]:
        rules = self.elbv2.describe_rules(ListenerArn=listener)["Rules"]
        ordered = sorted(
            (rule for rule in rules if not rule["IsDefault"]), key=lambda rule: int(rule["Priority"])
        )
        return tuple(
            (
                _values(each, "HostHeaderConfig"),
                _values(each, "PathPatternConfig"),
                _does(each["Actions"], services),
            )
            for each in ordered
        )

    def _group(self, group: Mapping[str, Any]) -> dict[str, str]:
        answer = self.elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
        attributes = {each["Key"]: each["Value"] for each in answer["Attributes"]}
        check = {member: str(group[member]) for member in (PATH, *CHECK)}
        return {**check, DELAY: str(attributes[DELAY])}

    def _certificate(self, region: str, domain: str) -> str:
        """An issued certificate for all names of the domain."""
        if (region, domain) not in self._certificates:
            emulator.ensure_hosted_zone(self.aws.url, f"{ZONE}{len(self._certificates)}", domain)
            acm = self.client("acm", region)
            request = {"DomainName": f"*.{domain}", "ValidationMethod": "DNS"}
            arn = acm.request_certificate(**request)["CertificateArn"]
            described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
            record = described["DomainValidationOptions"][0]["ResourceRecord"]
            values = {"TTL": 60, "ResourceRecords": [{"Value": record.pop("Value")}]}
            change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {**record, **values}}]}
            zone = f"{ZONE}{len(self._certificates)}"
            self.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
            self._certificates[region, domain] = arn
        return self._certificates[region, domain]


def _with_certificate(manifest: Mapping[str, Any], certificates: Mapping[str, str]) -> dict[str, Any]:
    """The recorder's certificates exist nowhere: the manifest with one of the same region that does."""
    changed: dict[str, Any] = copy.deepcopy(dict(manifest))
    annotations = changed["metadata"].get("annotations", {})
    if f"{PREFIX}certificate-arn" in annotations:
        region = changed["metadata"]["labels"][REGION_LABEL]
        assert annotations[f"{PREFIX}certificate-arn"].split(":")[3] == region
        annotations[f"{PREFIX}certificate-arn"] = certificates[region]
    return changed


def _values(rule: Mapping[str, Any], condition: str) -> tuple[str, ...]:
    return tuple(value for each in rule["Conditions"] for value in each.get(condition, {}).get("Values", []))


def _does(actions: list[dict[str, Any]], services: Mapping[str, str]) -> str:
    if len(actions) != 1:
        return f"{len(actions)} actions"
    [action] = actions
    if action["Type"] == "redirect":
        to = action["RedirectConfig"]
        return REDIRECT if (to["Port"], to["StatusCode"]) == ("443", "HTTP_301") else str(to)
    if action["Type"] == "fixed-response":
        code = action["FixedResponseConfig"]["StatusCode"]
        return {"404": NOTHING, "200": OK}.get(code, code)
    [group] = action["ForwardConfig"]["TargetGroups"]
    return f"forward to {services.get(group['TargetGroupArn'])}"
