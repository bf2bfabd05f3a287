"""Load balancers as the AWS Load Balancer Controller makes them, seen by their clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from local.aws.emulator import Emulator
from tests.local.alb.serving import DOMAIN, EU, HOST, Answers, Region, forward, reply
from tests.services import until

HEALTHY, INITIAL, UNHEALTHY, DRAINING = "healthy", "initial", "unhealthy", "draining"


@pytest.fixture(scope="module")
def region(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    served = Region(tmp_path_factory.mktemp("alb"), emulator, EU)
    with served.served():
        yield served


@pytest.fixture(scope="module")
def balancer(region: Region) -> tuple[str, str]:
    """Its ARN and its address."""
    arn = region.balancer("one", EU)
    return arn, region.address(arn)


def create_rules(region: Region, listener: str) -> str:
    """The rules of the test below; the ARN of the rule for HOST."""
    targets = {name: Answers(name) for name in ("front", "api", "wild", "peer")}
    groups = {name: region.group(f"rules-{name}", each) for name, each in targets.items()}
    redirect = {
        "Type": "redirect",
        "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
    }
    fixed = {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "well"},
    }
    region.rule(listener, 1, forward(groups["api"]), host=HOST, path="/api/*")
    front = region.rule(listener, 2, forward(groups["front"]), host=HOST)
    region.rule(listener, 3, redirect, host=f"old.{DOMAIN}")
    region.rule(listener, 4, forward(groups["wild"]), host=f"*.{DOMAIN}")
    region.rule(listener, 5, forward(groups["peer"]), path="/peer/eu-west-1")
    region.rule(listener, 6, fixed, path="/healthz/?u-west-1")
    return front


def test_rules_apply_in_their_order_also_after_a_change(region: Region, balancer: tuple[str, str]) -> None:
    listener, port = region.listener(balancer[0])
    front, address = create_rules(region, listener), balancer[1]

    def get(path: str, host: str = HOST) -> tuple[int, str]:
        status, text, headers = region.ask(address, port, path, host)
        return status, headers.get("Location", "") or text

    def rules_apply() -> bool:
        try:
            return get("/api/x")[1] == "api /api/x http"
        except OSError:
            return False

    until(rules_apply, "the rules are known")
    assert get("/?a=b") == (200, "front /?a=b http")
    assert get("/API/x", HOST.upper() + ":80") == (200, "front /API/x http")
    assert get("/apix") == (200, "front /apix http")
    assert get("/p?q=%2F", f"old.{DOMAIN}") == (301, f"https://old.{DOMAIN}:443/p?q=%2F")
    assert get("/", f"a.b.{DOMAIN}") == (200, "wild / http")
    assert get("/", DOMAIN) == (404, "")
    assert get("/peer/eu-west-1", address) == (200, "peer /peer/eu-west-1 http")
    assert get("/healthz/eu-west-1", address) == (200, "well")
    assert get("/healthz/eeu-west-1", address) == (404, "")

    region.elbv2.delete_rule(RuleArn=front)

    until(lambda: get("/") == (200, "wild / http"), "the next rule applies")


def test_each_name_of_a_certificate_is_served_over_tls_by_the_local_authority(
    region: Region, balancer: tuple[str, str]
) -> None:
    listener, port = region.listener(balancer[0], region.certificate(f"*.{DOMAIN}", DOMAIN))
    other = region.certificate("other.deep.alb.test")
    region.elbv2.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": other}])
    region.rule(listener, 1, forward(region.group("tls", Answers("tls"))), path="/*")

    def answers(host: str) -> bool:
        try:
            return region.ask(balancer[1], port, "/", host, tls=True)[:2] == (200, "tls / https")
        except OSError:
            return False

    for name in (HOST, DOMAIN, "other.deep.alb.test"):
        until(lambda name=name: answers(name), name, 20)  # type: ignore[misc]
    assert not answers("acme.elsewhere.test")


def test_a_target_serves_from_when_it_is_healthy_until_it_is_deregistered(
    region: Region, balancer: tuple[str, str]
) -> None:
    listener, port = region.listener(balancer[0])
    old, new = Answers("old"), Answers("new")
    group = region.group("rollout", old)
    region.rule(listener, 1, forward(group), path="/*")
    a, b = old.target["Port"], new.target["Port"]

    until(lambda: region.states(group) == {a: INITIAL}, "it begins as initial")
    until(lambda: region.states(group) == {a: HEALTHY}, "it is healthy")
    until(lambda: says(region, balancer[1], port) == "old", "it serves")
    began = time.monotonic()
    new.health = 503
    region.register(group, new)
    until(lambda: region.states(group) == {a: HEALTHY, b: UNHEALTHY}, "the second fails its checks")
    assert 5 <= time.monotonic() - began < 15, "two checks, 5 s apart"
    assert {says(region, balancer[1], port) for _ in range(6)} == {"old"}
    new.health = 200
    until(lambda: region.states(group) == {a: HEALTHY, b: HEALTHY}, "both are healthy")
    until(lambda: {says(region, balancer[1], port) for _ in range(4)} == {"old", "new"}, "both serve")

    region.elbv2.deregister_targets(TargetGroupArn=group, Targets=[old.target])

    until(lambda: region.states(group) == {a: DRAINING, b: HEALTHY}, "the first one is draining")
    assert {says(region, balancer[1], port) for _ in range(6)} == {"new"}
    until(lambda: region.states(group) == {b: HEALTHY}, "the deregistration delay of 3 s is over", 15)


def test_with_no_healthy_target_all_of_them_serve_and_without_any_it_is_503(
    region: Region, balancer: tuple[str, str]
) -> None:
    listener, port = region.listener(balancer[0])
    each, gone = Answers("one"), Answers("gone")
    gone.close()
    each.health = 500
    group = region.group("open", each, gone)
    region.rule(listener, 1, forward(group), path="/*")
    until(lambda: set(region.states(group).values()) == {UNHEALTHY}, "neither is healthy")

    assert {region.ask(balancer[1], port)[0] for _ in range(4)} == {200, 502}

    region.elbv2.deregister_targets(TargetGroupArn=group, Targets=[each.target, gone.target])
    until(lambda: region.ask(balancer[1], port)[0] == 503, "nobody is left")


def test_a_request_that_is_under_way_ends_though_its_target_is_deregistered_and_rules_change(
    region: Region, balancer: tuple[str, str]
) -> None:
    listener, port = region.listener(balancer[0])
    go, came = threading.Event(), threading.Event()

    def slowly(handler: object) -> None:
        if not came.is_set():
            came.set()
            go.wait(60)
        reply(handler, 200, "whole")  # type: ignore[arg-type]

    slow = Answers("slow", slowly)
    group = region.group("slow", slow)
    rule = region.rule(listener, 1, forward(group), path="/*")
    until(lambda: region.states(group) == {slow.target["Port"]: HEALTHY}, "it serves")
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(region.ask(balancer[1], port)[:2]))
    asking.start()
    assert came.wait(10)

    region.elbv2.deregister_targets(TargetGroupArn=group, Targets=[slow.target])
    until(lambda: region.ask(balancer[1], port)[0] == 503, "new requests do not come to it")
    region.elbv2.delete_rule(RuleArn=rule)
    until(lambda: region.ask(balancer[1], port)[0] == 404, "the rule is gone")
    go.set()
    asking.join(10)

    assert answers == [(200, "whole")]


def test_load_balancers_of_other_regions_are_not_answered_for(region: Region) -> None:
    balancers = [region.balancer(name, name) for name in ("us-east-1", f"{EU}-2")]
    region.address(balancers[1])

    names = {
        each["LoadBalancerArn"]: each["DNSName"].lower()
        for each in region.elbv2.describe_load_balancers()["LoadBalancers"]
    }
    addresses = region.addresses()
    assert names[balancers[0]] not in addresses
    assert len(set(addresses.values())) == len(addresses)


def says(region: Region, address: str, port: int) -> str:
    try:
        return region.ask(address, port)[1].partition(" ")[0]
    except OSError as error:
        return str(error)
