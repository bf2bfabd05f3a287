"""`doctor` on the account: regions, names of buckets, the deployer, images, nodes' metadata.

Each is found, missing, not to be looked at, and unknown.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from clients.registry import Registries, RegistryError
from ops.doctor.account_regions import buckets, metadata, regions
from ops.doctor.deployer import access_entries, permissions
from ops.doctor.findings import Finding
from ops.doctor.images import images
from ops.stack import Stack
from settings import parse
from tests.components.stacks import EU, US, stack
from tests.ops.fake_aws import IDENTITY, Answer, fake_aws, findings, refuse
from tests.recording import ROOT


@pytest.mark.parametrize(
    ("state", "ok"),
    [("opt-in-not-required", True), ("opted-in", True), ("not-opted-in", False), (None, False)],
)
def test_a_region_that_is_not_enabled_is_missing(state: str | None, ok: bool) -> None:
    answer = {"Regions": [{"RegionName": US, "OptInStatus": state}] if state else []}
    [one] = findings(regions, {"ec2.describe_regions": answer})
    assert one.ok is ok
    assert ok or f"enable-region --region-name {US}" in one.remedy


@pytest.mark.parametrize(
    ("code", "status", "ok", "told"),
    [
        ("404", 404, True, "its name is free"),
        ("403", 403, False, "another account has the name, or these credentials may not look"),
        ("301", 301, False, "in another region"),
        ("400", 400, False, "nothing is known about the name"),
        ("503", 503, False, "nothing is known about the name"),
    ],
)
def test_what_s3_says_about_a_name_is_not_overstated(code: str, status: int, ok: bool, told: str) -> None:
    def answer(**_: Any) -> dict[str, Any]:
        said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(said, "HeadBucket")

    [one] = findings(buckets, {"s3.head_bucket": answer})
    assert (one.ok, told in one.detail) == (ok, True)


def instances(**options: Any) -> dict[str, Any]:
    return {"Reservations": [{"Instances": [{"MetadataOptions": {"HttpTokens": "required", **options}}]}]}


@pytest.mark.parametrize(
    ("options", "ok", "told"),
    [
        ({"HttpPutResponseHopLimit": 1}, True, "pods do not reach the nodes' role"),
        ({"HttpPutResponseHopLimit": 2}, True, "only network policies keep pods"),
        ({"HttpPutResponseHopLimit": 1, "HttpTokens": "optional"}, False, "IMDSv1"),
    ],
)
def test_what_pods_can_take_from_a_node_is_reported(options: dict[str, Any], ok: bool, told: str) -> None:
    [one] = findings(metadata, {"ec2.describe_instances": instances(**options)})
    assert (one.ok, told in one.detail) == (ok, True)


def test_no_nodes_say_nothing_about_metadata() -> None:
    assert findings(metadata, {"ec2.describe_instances": {"Reservations": []}}) == []


# The deployer.

SESSION = {**IDENTITY, "Arn": "arn:aws:sts::111122223333:assumed-role/deployer/me"}
FULL = "arn:aws:iam::111122223333:role/teams/deployer"


def simulated(*denied: str) -> Answer:
    def answer(ActionNames: list[str], **_: Any) -> dict[str, Any]:
        return {
            "EvaluationResults": [
                {"EvalActionName": each, "EvalDecision": "implicitDeny" if each in denied else "allowed"}
                for each in ActionNames
            ]
        }

    return answer


def allowed(simulation: Answer, **answers: Answer) -> Finding:
    known: dict[str, Answer] = {
        "iam.simulate_principal_policy": simulation,
        "iam.get_role": {"Role": {"Arn": FULL}},
        **{name.replace("__", "."): answer for name, answer in answers.items()},
    }
    named = Stack(name="dev", file=ROOT / "Pulumi.dev.yaml", settings=parse(stack(), "dev"))
    [one] = permissions(named, fake_aws(known))
    return one


def test_a_deployer_that_may_all_is_found() -> None:
    assert allowed(simulated()).ok


def test_what_a_deployer_may_not_is_named() -> None:
    one = allowed(simulated("iam:PassRole", "s3:PutBucketPolicy"))
    assert not one.ok and "iam:PassRole, " in one.detail + ", " and "s3:PutBucketPolicy" in one.detail
    assert "deployer-policy" in one.remedy


def test_a_session_is_judged_by_its_role() -> None:
    asked: list[str] = []

    def answer(PolicySourceArn: str, ActionNames: list[str], **_: Any) -> dict[str, Any]:
        asked.append(PolicySourceArn)
        return {"EvaluationResults": []}

    assert allowed(answer, sts__get_caller_identity=SESSION).ok
    assert set(asked) == {FULL}


def test_a_deployer_that_may_not_ask_iam_is_reported() -> None:
    one = allowed("AccessDenied")
    assert not one.ok and one.detail.startswith("not known: AccessDenied")
    assert "iam:SimulatePrincipalPolicy" in one.remedy


def test_the_root_user_does_not_deploy() -> None:
    one = allowed(simulated(), sts__get_caller_identity={**IDENTITY, "Arn": "arn:aws:iam::1:root"})
    assert not one.ok and "root user" in one.detail


def entry(answer: Answer, cluster: Answer | None = None) -> list[Finding]:
    known: dict[str, Answer] = {
        "eks.describe_cluster": cluster or {"cluster": {"accessConfig": {"authenticationMode": "API"}}},
        "eks.describe_access_entry": answer,
    }
    return findings(access_entries, known)


def test_an_access_entry_is_found_missing_or_unknown() -> None:
    [found] = entry({"accessEntry": {}})
    assert found.ok and "user/me" in found.detail
    [none] = entry("ResourceNotFoundException")
    assert not none.ok and "create-access-entry --cluster-name blue" in none.remedy
    [unknown] = entry("AccessDeniedException")
    assert not unknown.ok and "not known: AccessDeniedException" in unknown.detail
    gone = entry({}, lambda **_: refuse("ResourceNotFoundException", "DescribeCluster"))
    assert gone == []
    for mode in ("CONFIG_MAP", "API_AND_CONFIG_MAP"):
        assert entry("x", {"cluster": {"accessConfig": {"authenticationMode": mode}}}) == []


# Images.

ECR = f"111122223333.dkr.ecr.{EU}.amazonaws.com/agency:1.4.2"


def image(answer: Answer) -> Finding:
    found = findings(images, {"ecr.describe_images": answer}, images={"agency": ECR})
    return next(one for one in found if one.what == ECR)


Problems = dict[str, tuple[str, int | None]]


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> Problems:
    """Problems and HTTP statuses by the beginning of an image's name; else the registry has the image."""
    problems: Problems = {}

    def digest(self: Registries, reference: Any) -> str:
        for name, (problem, status) in problems.items():
            if str(reference).startswith(name):
                raise RegistryError(f"{reference}: {problem}", status)
        return "sha256:0"

    monkeypatch.setattr(Registries, "digest", digest)
    monkeypatch.setattr("ops.doctor.images.logins", dict)
    return problems


def test_images_that_their_registries_have_are_found(registries: Problems) -> None:
    assert all(one.ok for one in findings(images, {}))
    assert image({"imageDetails": [{}]}).ok


@pytest.mark.parametrize(
    ("problem", "status", "told", "remedy"),
    [
        ("there is no such image or tag", 404, "no such image", "push it"),
        ("status 401: run docker login registry.example.com", 401, "not allowed to look", "docker login"),
        ("connection refused", None, "connection refused", "reachable from here"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_reported(
    registries: Problems, problem: str, status: int | None, told: str, remedy: str
) -> None:
    registries["registry.example.com"] = problem, status
    [one] = [one for one in findings(images, {}) if not one.ok]
    assert told in one.detail and remedy in one.remedy


def test_an_image_in_ecr_is_asked_of_ecr(registries: Problems) -> None:
    missing = image("ImageNotFoundException")
    assert not missing.ok and "push it" in missing.remedy
    unknown = image("AccessDeniedException")
    assert not unknown.ok and "ecr:DescribeImages" in unknown.remedy
