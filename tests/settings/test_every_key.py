"""Every key: its name, its default, its effect."""

from __future__ import annotations

import yaml

from plan.records import RoutingPolicy
from settings import parse
from settings.companies import AGENT_RESOURCES, BRAIN_RESOURCES, AccessMode
from settings.ingress import Scheme
from settings.load_balancer import LoadBalancer
from settings.models import ClientAffinity, Identity, Manager
from settings.network import Protocol
from settings.pods import Effect, Operator
from tests.settings.edits import EU, US, WEST, edited, put
from tests.strategies import Raw

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"

EVERY_KEY = f"""
domain: agency.example.com
hostedZoneId: Z0123456789ABCDEFGHIJ
hostedZoneRoleArn: arn:aws:iam::444455556666:role/dns
identity: pod-identity
podUser: 20002
namePrefix: acme-agents
permissionsBoundary: arn:aws:iam::123456789012:policy/boundary
rolePath: /agency/
pods: {{imagePullSecrets: [mirror], runtimeClassName: gvisor, priorityClassName: critical}}
waitForReady: false
environment: {{LOG_LEVEL: debug}}
images:
  agency: registry.example.com/agency:1.4.2
  rclone: rclone/rclone:1.70.0
  python: python:3.12-slim
regions:
  - name: us-east-1
    active: true
    weight: 100
    kmsKeyArn: arn:aws:kms:us-east-1:123456789012:key/1
    cluster: {{eks: prod-blue}}
    adopt: true
    nodeSelector: {{node.kubernetes.io/instance-type: m7g.xlarge}}
    tolerations:
      - {{key: dedicated, value: agents, effect: NoExecute, tolerationSeconds: 30}}
      - {{operator: Exists}}
    storageClass: gp3
    geo: [default]
    ingressFrom: [10.0.0.0/24, 10.0.1.0/24]
  - name: eu-west-1
    active: true
    weight: 50
    kmsKeyArn: arn:aws:kms:eu-west-1:123456789012:key/2
    cluster: {{eks: prod-blue, endpoint: "https://eu.example.com", certificateAuthority: Q0E=}}
    geo: ["EU", "AF", "country:TR"]
    certificateArn: {CERTIFICATE}
    ingressFrom: [10.1.0.0/24]
  - name: us-west-2
    active: false
    kmsKeyArn: arn:aws:kms:us-west-2:123456789012:key/3
    cluster: {{context: prod-us-west-2, eksName: prod-green}}
    endpoint: lb.us-west-2.example.net
    ingressClass: public
    ingressFrom: [10.2.0.0/24]
    replicateTo: [us-east-1]
ingress:
  className: internal
  controller: k8s.io/ingress-nginx
  namespace: ingress-haproxy
  scheme: internal
loadBalancing:
  policy: geo
  manager: route53
  annotationPrefix: external-dns.alpha.kubernetes.io/
  clientAffinity: source-ip
  globalAccelerator: false
failover:
  enabled: true
  intervalSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 4
  recoveryThreshold: 5
replication:
  enabled: true
  syncInterval: 30
  deleteMarkers: true
  objectLock:
    mode: compliance
    days: 90
  metrics: true
  timeControl: true
  bandwidthLimit: 10M:off
  transfers: 8
  retention: {{allHours: 2, hourlyHours: 48, dailyDays: 90}}
network:
  monitoringNamespace: monitoring
  extraEgress: [{{cidr: 10.9.0.0/16, port: 6379}}, {{cidr: 10.100.0.10/32, port: 53, protocol: UDP}}]
alarms: {{prometheusOperator: true, labels: {{release: prometheus}}, emails: [ops@example.com]}}
companies:
  - name: client-a
  - name: Client_B
    regions: [eu-west-1, us-east-1]
    edge: 2
    agent:
      resources: {{requests: {{cpu: "2", memory: 4Gi}}, limits: {{cpu: 4, memory: 8Gi}}}}
      storage: 5Gi
      accessMode: ReadWriteMany
      replicas: 2
      mountBrain: true
    brain: {{storage: 100Gi, accessMode: ReadWriteMany, resources: {{limits: {{cpu: 1500m}}}}}}
    apiKeys: {{secretName: client-b-llm-keys}}
    dedicatedHealthChecks: true
    protect: true
  - name: client-c
    apiKeys: {{OPENAI_API_KEY: {{secure: "v1:abc"}}, ANTHROPIC_API_KEY: {{secure: "v1:def"}}}}
  - client-d
"""


SECURE = {"secure": "v1:abc"}


def every_key() -> Raw:
    raw: Raw = yaml.safe_load(EVERY_KEY)
    return raw


def test_every_key_of_the_stack_is_read_under_its_name() -> None:
    settings = parse(every_key(), "prod")
    assert (settings.domain, settings.hosted_zone_id) == ("agency.example.com", "Z0123456789ABCDEFGHIJ")
    assert (settings.identity, settings.pod_user) == (Identity.POD_IDENTITY, 20002)
    assert settings.wait_for_ready is False
    assert settings.environment == {"LOG_LEVEL": "debug"}
    assert (settings.name_prefix, settings.resource_prefix) == ("acme-agents", "acme-agents")
    assert settings.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    assert settings.role_path == "/agency/"
    assert settings.hosted_zone_role_arn == "arn:aws:iam::444455556666:role/dns"
    assert settings.pods.model_dump() == {
        "image_pull_secrets": ("mirror",), "runtime_class_name": "gvisor", "priority_class_name": "critical",
    }  # fmt: skip
    images = settings.images
    assert (images.agency, images.rclone) == ("registry.example.com/agency:1.4.2", "rclone/rclone:1.70.0")
    assert (images.python, settings.agency_image) == ("python:3.12-slim", images.agency)
    assert settings.ingress.model_dump() == {
        "class_name": "internal", "controller": "k8s.io/ingress-nginx", "namespace": "ingress-haproxy",
        "scheme": Scheme.INTERNAL, "load_balancer": LoadBalancer().model_dump(),
    }  # fmt: skip


def test_every_key_of_routing_and_backups_is_read_under_its_name() -> None:
    settings = parse(every_key(), "prod")
    assert settings.load_balancing.model_dump() == {
        "policy": RoutingPolicy.GEO, "manager": Manager.ROUTE53,
        "client_affinity": ClientAffinity.SOURCE_IP, "global_accelerator": False,
        "annotation_prefix": "external-dns.alpha.kubernetes.io/",
    }  # fmt: skip
    assert settings.failover.model_dump() == {
        "enabled": True, "interval_seconds": 10, "timeout_seconds": 2, "failure_threshold": 4,
        "recovery_threshold": 5,
    }  # fmt: skip
    assert settings.replication.model_dump() == {
        "enabled": True, "sync_interval": 30, "delete_markers": True, "metrics": True, "time_control": True,
        "bandwidth_limit": "10M:off", "transfers": 8, "endpoint": None,
        "object_lock": {"mode": "compliance", "days": 90},
        "retention": {"all_hours": 2, "hourly_hours": 48, "daily_days": 90},
    }  # fmt: skip
    assert settings.alarms.model_dump() == {
        "prometheus_operator": True, "labels": {"release": "prometheus"}, "emails": ("ops@example.com",),
    }  # fmt: skip
    assert settings.network.model_dump() == {
        "monitoring_namespace": "monitoring", "extra_egress": (
            {"cidr": "10.9.0.0/16", "port": 6379, "protocol": Protocol.TCP},
            {"cidr": "10.100.0.10/32", "port": 53, "protocol": Protocol.UDP},
        ),
    }  # fmt: skip


def test_the_local_stack_may_name_an_s3_api_of_its_own() -> None:
    raw = edited(put("replication.endpoint", "http://10.88.0.1:5000"))
    assert parse(raw, "local").replication.endpoint == "http://10.88.0.1:5000"


def test_every_key_of_a_region_is_read_under_its_name() -> None:
    us, eu, west = parse(every_key(), "prod").regions
    assert (us.name, us.active, us.weight, us.adopt, us.storage_class) == (US, True, 100, True, "gp3")
    assert us.node_selector == {"node.kubernetes.io/instance-type": "m7g.xlarge"}
    first, second = us.tolerations
    assert (first.key, first.value, first.effect, first.toleration_seconds) == (
        "dedicated", "agents", Effect.NO_EXECUTE, 30,
    )  # fmt: skip
    assert (second.key, second.operator) == (None, Operator.EXISTS)
    assert (us.geo, us.ingress_from) == (("default",), ("10.0.0.0/24", "10.0.1.0/24"))
    assert us.cluster and us.cluster.eks == "prod-blue"
    assert (eu.weight, eu.geo, eu.certificate_arn) == (50, ("EU", "AF", "country:TR"), CERTIFICATE)
    assert eu.cluster and (eu.cluster.endpoint, eu.cluster.certificate_authority) == (
        "https://eu.example.com",
        "Q0E=",
    )
    assert (west.active, west.endpoint, west.replicate_to) == (False, "lb.us-west-2.example.net", (US,))
    assert west.ingress_class == "public"
    assert west.cluster and (west.cluster.context, west.cluster.eks_name) == ("prod-us-west-2", "prod-green")


def test_a_key_of_kms_is_that_of_its_region() -> None:
    settings, plain = parse(every_key(), "prod"), parse(edited(), "prod")
    assert settings.kms_keys == {
        region: f"arn:aws:kms:{region}:123456789012:key/{number}"
        for number, region in enumerate((US, EU, WEST), start=1)
    }
    assert plain.kms_keys == {}


def test_every_key_of_a_company_is_read_under_its_name() -> None:
    settings = parse(every_key(), "prod")
    company = settings.companies[1]
    assert (company.name, company.namespace, company.edge) == ("Client_B", "client-b", 2)
    assert [region.name for region in settings.regions_of(company)] == [EU, US]
    agent, brain = company.agent, company.brain
    assert agent.resources.model_dump() == {
        "requests": {"cpu": "2", "memory": "4Gi"},
        "limits": {"cpu": "4", "memory": "8Gi"},
    }
    assert (agent.storage, agent.replicas, agent.mount_brain) == ("5Gi", 2, True)
    assert (agent.access_mode, brain.access_mode) == (AccessMode.READ_WRITE_MANY, AccessMode.READ_WRITE_MANY)
    assert brain.storage == "100Gi"
    assert company.api_keys and company.api_keys.secret_name == "client-b-llm-keys"
    assert company.dedicated_health_checks and company.protect


def test_api_keys_are_read_encrypted_and_on_local_plain() -> None:
    assert parse(every_key(), "prod").companies[2].api_keys
    plain = edited(put("companies[2].apiKeys.ANTHROPIC_API_KEY", "plain"), base=every_key())
    plain["replication"]["endpoint"] = None
    plain["alarms"]["emails"] = []
    keys = parse(plain, "local").companies[2].api_keys
    assert keys and keys.secret_name is None
    values = {name: value.get_secret_value() for name, value in keys.values.items()}
    assert values == {"OPENAI_API_KEY": "[secure v1:abc]", "ANTHROPIC_API_KEY": "plain"}
    assert "plain" not in repr(keys)


def test_api_keys_may_stand_under_values() -> None:
    short = parse(edited(put("companies[0].apiKeys", {"A_KEY": SECURE})), "prod")
    long = parse(edited(put("companies[0].apiKeys", {"values": {"A_KEY": SECURE}})), "prod")
    assert short == long


def test_resources_in_the_settings_override_the_defaults() -> None:
    agent = (
        parse(edited(put("companies[0].agent.resources", {"limits": {"cpu": 3}})), "prod").companies[0].agent
    )
    assert agent.resources.limits.model_dump() == {"cpu": "3", "memory": AGENT_RESOURCES.limits.memory}
    assert agent.resources.requests == AGENT_RESOURCES.requests
    company = parse(every_key(), "prod").companies[1]
    assert company.brain.resources.limits.cpu == "1500m"
    assert company.brain.resources.limits.memory == BRAIN_RESOURCES.limits.memory
    assert company.brain.resources.requests == BRAIN_RESOURCES.requests
