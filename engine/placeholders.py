"""Realistic placeholder outputs by resource type, for render, tests and previews. Nothing is called."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from engine.recorder import Recorder, Registration

ACCOUNT: Final = "123456789012"
LOAD_BALANCER_DOMAIN: Final = "load-balancer.placeholder.example"

Answer = Callable[[dict[str, Any], str, str], tuple[str, dict[str, Any]]]


def _uuid(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def _bucket(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    bucket = inputs.get("bucket", name)
    regional = f"{bucket}.s3.{region}.amazonaws.com"
    return bucket, {"bucket": bucket, "arn": f"arn:aws:s3:::{bucket}", "bucketRegionalDomainName": regional}


def _role(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    role = inputs.get("name", name)
    unique = "AROA" + hashlib.sha256(role.encode()).hexdigest()[:17].upper()
    arn = f"arn:aws:iam::{ACCOUNT}:role{inputs.get('path', '/')}{role}"
    return role, {"name": role, "arn": arn, "uniqueId": unique}


def _certificate(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    domain = inputs.get("domainName", name)
    arn = f"arn:aws:acm:{region}:{ACCOUNT}:certificate/{_uuid(region + domain)}"
    bare = domain.removeprefix("*.")
    option = {
        "domainName": domain,
        "resourceRecordName": f"_{_uuid(bare).replace('-', '')}.{bare}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": f"_{_uuid('value' + bare).replace('-', '')}.acm-validations.aws.",
    }
    return arn, {"arn": arn, "domainValidationOptions": [option]}


def _health_check(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    check = _uuid(name)
    return check, {"arn": f"arn:aws:route53:::healthcheck/{check}"}


def _record(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    parts = [inputs.get("zoneId"), inputs.get("name"), inputs.get("type"), inputs.get("setIdentifier")]
    return "_".join(str(part) for part in parts if part), {"fqdn": inputs.get("name", name)}


def _association(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    association = f"a-{_uuid(name).replace('-', '')[:17]}"
    cluster = inputs.get("clusterName", "")
    arn = f"arn:aws:eks:{region}:{ACCOUNT}:podidentityassociation/{cluster}/{association}"
    return association, {"associationId": association, "associationArn": arn}


def _topic(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    arn = f"arn:aws:sns:{region}:{ACCOUNT}:{inputs.get('name', name)}"
    return arn, {"arn": arn}


def _oidc_provider(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{str(inputs.get('url', name)).removeprefix('https://')}"
    return arn, {"arn": arn}


def _accelerator(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    identity = _uuid(name)
    arn = f"arn:aws:globalaccelerator::{ACCOUNT}:accelerator/{identity}"
    host = f"a{identity.replace('-', '')[:16]}"
    return arn, {
        "arn": arn,
        "dnsName": f"{host}.awsglobalaccelerator.com",
        "dualStackDnsName": f"{host}.dualstack.awsglobalaccelerator.com",
        "hostedZoneId": "Z2BJ6XQ5FK7U4H",
        "ipSets": [{"ipAddresses": ["192.0.2.1", "192.0.2.2"], "ipFamily": "IPv4"}],
    }


def _listener(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    arn = f"{inputs['acceleratorArn']}/listener/{_uuid(name)[:8]}"
    return arn, {"arn": arn}


def _endpoint_group(inputs: dict[str, Any], name: str, region: str) -> tuple[str, dict[str, Any]]:
    arn = f"{inputs['listenerArn']}/endpoint-group/{_uuid(name)[:12]}"
    return arn, {"arn": arn}


AWS: Final[dict[str, Answer]] = {
    "aws:s3/bucket:Bucket": _bucket,
    "aws:iam/role:Role": _role,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc_provider,
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": lambda inputs, *_: (inputs["certificateArn"], {}),
    "aws:route53/healthCheck:HealthCheck": _health_check,
    "aws:route53/record:Record": _record,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _association,
    "aws:globalaccelerator/accelerator:Accelerator": _accelerator,
    "aws:globalaccelerator/listener:Listener": _listener,
    "aws:globalaccelerator/endpointGroup:EndpointGroup": _endpoint_group,
    "aws:sns/topic:Topic": _topic,
}


def kubernetes_id(inputs: dict[str, Any]) -> str:
    """The provider's id of an object: `<namespace>/<name>`, or only the name."""
    metadata = inputs.get("metadata", {})
    return "/".join(filter(None, (metadata.get("namespace"), metadata.get("name"))))


def _balancers(ingress: dict[str, Any], identity: str) -> list[dict[str, str]]:
    """The addresses of an Ingress's load balancers, the Network Load Balancer last."""
    host, metadata = identity.replace("/", "-"), ingress["metadata"]
    found = [{"hostname": f"{host}.{LOAD_BALANCER_DOMAIN}"}]
    if (metadata.get("annotations") or {}).get("alb.ingress.kubernetes.io/enable-frontend-nlb"):
        region = metadata["labels"]["topology.kubernetes.io/region"]
        found.append({"hostname": f"k8s-{host}-nlb-{_uuid(host)[:8]}.elb.{region}.amazonaws.com"})
    return found


class Placeholders(Recorder):
    """A recorder with placeholder outputs; with `dry_run` outputs are unknown."""

    def region(self, inputs: dict[str, Any]) -> str:
        return str(inputs.get("region") or self.config.get("aws:region") or "us-east-1")

    def resolve(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        kind, inputs = registration.type, registration.inputs
        if self.dry_run and not registration.external:
            return "", {}
        if kind.startswith("kubernetes:"):
            identity, outputs = kubernetes_id(inputs), dict[str, Any]()
            if kind.endswith(":Ingress"):
                outputs = {"status": {"loadBalancer": {"ingress": _balancers(inputs, identity)}}}
        elif kind in AWS:
            identity, outputs = AWS[kind](inputs, registration.name, self.region(inputs))
        else:
            # As in the real provider, the id of a bucket's part is the bucket's name.
            identity, outputs = str(inputs.get("bucket") or _uuid(registration.urn)), {}
        if kind.startswith("aws:"):
            outputs.setdefault("region", self.region(inputs))
        return registration.import_id.partition("@")[0] or identity, outputs

    def invoke(self, token: str, args: dict[str, Any], provider: str) -> dict[str, Any]:
        region, function = self.region(args), token.rpartition(":")[2]
        if function == "getCallerIdentity":
            arn = f"arn:aws:iam::{ACCOUNT}:user/placeholder"
            return {"accountId": ACCOUNT, "arn": arn, "id": ACCOUNT, "userId": "AIDAPLACEHOLDER"}
        if function == "getPartition":
            return {
                "partition": "aws",
                "id": "aws",
                "dnsSuffix": "amazonaws.com",
                "reverseDnsPrefix": "com.amazonaws",
            }
        if function == "getRegion":
            return {"id": region, "name": region, "region": region, "description": region}
        if function == "getCluster":
            return _cluster(args["name"], region)
        if function == "getLoadBalancer":
            kind = f"loadbalancer/net/{args['name']}/{_uuid(args['name'])[:8]}"
            return {**args, "arn": f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:{kind}"}
        if function == "getSubnets":
            return {"ids": ["subnet-placeholder"], "id": region, **args}
        if function == "getSubnet":
            return {**args, "cidrBlock": "192.0.2.0/24", "ipv6CidrBlock": ""}
        return super().invoke(token, args, provider)


def _cluster(name: str, region: str) -> dict[str, Any]:
    issuer = f"https://oidc.eks.{region}.amazonaws.com/id/{_uuid(region + name).replace('-', '').upper()}"
    return {
        "id": name,
        "name": name,
        "region": region,
        "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}",
        "endpoint": f"https://{_uuid(name + region)}.{region}.eks.placeholder.example",
        "certificateAuthorities": [{"data": "cGxhY2Vob2xkZXI="}],
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "vpcConfig": {"vpcId": f"vpc-{_uuid(name)[:8]}", "subnetIds": []},
        "version": "1.33",
        "status": "ACTIVE",
    }
