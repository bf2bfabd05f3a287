"""Elastic Load Balancing: health as the data plane reports it, and what the load balancer controller needs.

- A target has the health that `set_health` got last, `initial` before. A `draining` target is listed after
  its deregistration. In moto, every target is `healthy`.
- Priorities of rules can be exchanged and shifted in one call.
- An HTTPS listener needs an issued certificate. DescribeListeners shows only the default certificate, which
  cannot be removed; the others stay when the default certificate changes.
- A Network Load Balancer has the ARN and the DNS name of one.
- A load balancer has at most one listener a port. A target group belongs to the load balancers whose rules
  forward to it; moto forgets this when a rule is modified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moto.acm.models import acm_backends
from moto.elbv2.exceptions import (
    DuplicateListenerError,
    DuplicatePriorityError,
    ELBClientError,
    PriorityInUseError,
    TargetGroupNotFoundError,
)
from moto.elbv2.models import (
    ELBv2Backend,
    FakeHealthStatus,
    FakeListener,
    FakeLoadBalancer,
    FakeRule,
    FakeTargetGroup,
    elbv2_backends,
)
from moto.elbv2.responses import ELBV2Response, transform_certificates
from moto.utilities.arns import parse_arn

Health = Mapping[str, Mapping[str, Sequence[str]]]
"""ARN of the target group → `<address>:<port>` → state and reason."""

_ATTRIBUTE = "digital_agency_health"
_LISTENERS = ("CreateListener", "DescribeListeners", "ModifyListener")
_INITIAL = ("initial", "Elb.InitialHealthChecking")
_NOT_REGISTERED = ("unused", "Target.NotRegistered")
_DRAINING = "draining"
_moto_create_load_balancer = ELBv2Backend.create_load_balancer
_moto_create_listener = ELBv2Backend.create_listener
_moto_describe_target_groups = ELBv2Backend.describe_target_groups
_moto_modify_listener = ELBv2Backend.modify_listener
_moto_remove_certificates = ELBv2Backend.remove_listener_certificates
_moto_register = FakeTargetGroup.register


def apply() -> None:
    ELBv2Backend.create_load_balancer = _create_load_balancer  # type: ignore[method-assign]
    ELBv2Backend.create_listener = _create_listener  # type: ignore[method-assign]
    ELBv2Backend.modify_listener = _modify_listener  # type: ignore[method-assign]
    ELBv2Backend.remove_listener_certificates = _remove_listener_certificates  # type: ignore[method-assign]
    ELBv2Backend.set_rule_priorities = _set_rule_priorities  # type: ignore[method-assign]
    ELBv2Backend.describe_target_groups = _describe_target_groups  # type: ignore[method-assign]
    ELBv2Backend.describe_target_health = _describe_target_health  # type: ignore[method-assign]
    FakeTargetGroup.register = _register  # type: ignore[method-assign]
    # `_check_certificate` has checked the certificate.
    ELBv2Backend._certificate_exists = lambda self, certificate_arn: True  # type: ignore[method-assign]
    for call in _LISTENERS:
        path = f"{call}Output.Listeners.Listener.Certificates"
        ELBV2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER[path] = _default_certificate


def set_health(health: Health) -> None:
    """Replace the health of all targets of these target groups. A deleted group is skipped."""
    for arn, targets in health.items():
        parsed = parse_arn(arn)
        group = elbv2_backends[parsed.account][parsed.region].target_groups.get(arn)
        if group is not None:
            setattr(group, _ATTRIBUTE, {target: tuple(state) for target, state in targets.items()})


def balancer_health(arn: str) -> bool | None:
    """Whether each target group to which a load balancer forwards has a healthy target; None without it."""
    try:
        parsed = parse_arn(arn)
    except ValueError:
        return None
    backend = elbv2_backends[parsed.account][parsed.region]
    if arn not in backend.load_balancers:
        return None
    groups = list(_describe_target_groups(backend, arn, [], None))
    return all(
        any(target.status == "healthy" for target in _describe_target_health(backend, group.arn, []))
        for group in groups
    )


def _create_load_balancer(self: ELBv2Backend, *args: Any, **kwargs: Any) -> FakeLoadBalancer:
    balancer = _moto_create_load_balancer(self, *args, **kwargs)
    if balancer.type == "network":
        del self.load_balancers[balancer.arn]
        balancer.arn = balancer.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
        self.load_balancers[balancer.arn] = balancer
        self.tagging_service.tag_resource(balancer.arn, kwargs.get("tags"))
        digest = hashlib.sha256(balancer.arn.encode()).hexdigest()[:16]
        balancer.dns_name = f"{balancer.name}-{digest}.elb.{self.region_name}.amazonaws.com"
    return balancer


def _register(self: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
    for target in targets:
        if target["Id"] not in self.targets:
            _health_of(self).pop(f"{target['Id']}:{target.get('Port', self.port)}", None)
    _moto_register(self, targets)


def _health_of(group: FakeTargetGroup) -> dict[str, tuple[str, str]]:
    health: dict[str, tuple[str, str]] = group.__dict__.setdefault(_ATTRIBUTE, {})
    return health


def _describe_target_health(
    self: ELBv2Backend, target_group_arn: str, targets: list[dict[str, Any]]
) -> list[FakeHealthStatus]:
    group = self.target_groups.get(target_group_arn)
    if group is None:
        raise TargetGroupNotFoundError()
    registered = {f"{target['Id']}:{target['Port']}" for target in group.targets.values()}
    draining = {target for target, (state, _) in _health_of(group).items() if state == _DRAINING}
    requested = {f"{target['Id']}:{target.get('Port', group.port)}" for target in targets}
    listed = sorted(requested or registered | draining)
    return [_health_status(group, target, target in registered) for target in listed]


def _health_status(group: FakeTargetGroup, target: str, registered: bool) -> FakeHealthStatus:
    health = _health_of(group).get(target, _INITIAL)
    state, reason = health if registered or health[0] == _DRAINING else _NOT_REGISTERED
    address, _, port = target.rpartition(":")
    return FakeHealthStatus(address, port, group.health_check_port, state, reason or None)


def _set_rule_priorities(self: ELBv2Backend, rule_priorities: list[dict[str, Any]]) -> list[FakeRule]:
    wanted = {each["RuleArn"]: int(each["Priority"]) for each in rule_priorities}
    numbers = list(wanted.values())
    for number in numbers:
        if numbers.count(number) > 1:
            raise DuplicatePriorityError(str(number))
    rules: list[FakeRule] = self.describe_rules(listener_arn=None, rule_arns=list(wanted))
    for listener in self.describe_listeners(None, [rule.listener_arn for rule in rules]):
        others = {str(rule.priority) for rule in listener.rules.values() if rule.arn not in wanted}
        if others & set(map(str, numbers)):
            raise PriorityInUseError()
    for rule in rules:
        rule.priority = wanted[rule.arn]
    return rules


def _describe_target_groups(
    self: ELBv2Backend, load_balancer_arn: str | None, target_group_arns: list[str], names: list[str] | None
) -> Iterable[FakeTargetGroup]:
    load_balancers: dict[str, list[str]] = {}
    for arn, balancer in self.load_balancers.items():
        rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
        actions = [action for rule in rules for action in rule.actions]
        groups = {arn for action in actions for arn in self._get_target_group_arns_from(action.data)}
        for group_arn in groups:
            load_balancers.setdefault(group_arn, []).append(arn)
    for arn, group in self.target_groups.items():
        group.load_balancer_arns = load_balancers.get(arn, [])
    in_use = {arn for arns in load_balancers.values() for arn in arns}
    if load_balancer_arn in self.load_balancers.keys() - in_use:
        return []
    return _moto_describe_target_groups(self, load_balancer_arn, target_group_arns, names)


def _create_listener(self: ELBv2Backend, *args: Any, **kwargs: Any) -> FakeListener:
    balancer = self.load_balancers.get(kwargs["load_balancer_arn"])
    for listener in balancer.listeners.values() if balancer else ():
        if str(listener.port) == str(kwargs["port"]):
            raise DuplicateListenerError()
    certificate = kwargs["certificate"]
    if kwargs["protocol"] == "HTTPS":
        _check_certificate(self, certificate)
    listener = _moto_create_listener(self, *args, **{**kwargs, "certificate": None})
    listener.certificate, listener.certificates = certificate, [certificate] if certificate else []
    return listener


def _modify_listener(
    self: ELBv2Backend,
    arn: str,
    port: str | None = None,
    protocol: str | None = None,
    ssl_policy: str | None = None,
    certificates: list[dict[str, Any]] | None = None,
    actions: list[dict[str, Any]] | None = None,
) -> FakeListener:
    listener: FakeListener = self.describe_listeners(None, [arn])[0]
    others = listener.certificates[1:]
    if certificates:
        _check_certificate(self, certificates[0].get("CertificateArn"))
    _moto_modify_listener(self, arn, port, protocol, ssl_policy, certificates, actions)
    if certificates:
        listener.certificates += [each for each in others if each not in listener.certificates]
    return listener


def _remove_listener_certificates(self: ELBv2Backend, arn: str, certificates: list[dict[str, Any]]) -> None:
    listener: FakeListener = self.describe_listeners(None, [arn])[0]
    if listener.certificate in {each["CertificateArn"] for each in certificates}:
        raise ELBClientError(
            "OperationNotPermitted", "Default certificate cannot be removed from the listener"
        )
    _moto_remove_certificates(self, arn, certificates)


def _check_certificate(backend: ELBv2Backend, arn: str | None) -> None:
    if not arn:
        raise ELBClientError("ValidationError", "A certificate must be specified for HTTPS listeners")
    if ":acm:" not in arn:
        return
    # Of any region: the local cluster has the load balancers, and so the certificates, of all regions.
    certificate = acm_backends[backend.account_id][parse_arn(arn).region]._certificates.get(arn)
    if certificate is None:
        raise ELBClientError("CertificateNotFound", f"Certificate '{arn}' not found")
    certificate.check()
    if certificate.status != "ISSUED":
        raise ELBClientError(
            "UnsupportedCertificate",
            f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a"
            " supported key size.",
        )


def _default_certificate(data: list[str]) -> list[dict[str, str]] | None:
    return transform_certificates(data[:1])
