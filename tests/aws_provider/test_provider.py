"""Single types, and the provider as a whole."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from engine.values import COMPUTED, struct_to_plain
from local.aws.provider.servicer import Provider, struct
from local.machine import pki
from tests.aws_provider import cases, record_cases
from tests.aws_provider.account import Account
from tests.aws_provider.cases import BUCKET, CERTIFICATE, CHECK, RECORD, REGION, ROLE, VALIDATION, Values
from tests.aws_provider.engine import Context, ProviderError

LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"


def invoke(account: Account, token: str, **args: Any) -> Values:
    request = provider_pb2.InvokeRequest(tok=token, args=struct(args))
    answer = account.provider().Invoke(request, Context())
    return dict(struct_to_plain(getattr(answer, "return")))


@pytest.mark.parametrize(
    ("kind", "program", "failures"),
    [
        (CHECK, {"type": "HTTPS", "fqdm": "x"}, {"fqdm": "unknown key; must be one of "}),
        (CHECK, {"fqdn": "x"}, {"type": "missing (required)"}),
        (CHECK, {"type": "GOPHER"}, {"type": "must be one of HTTP, HTTPS,"}),
        (CHECK, {"type": "HTTPS", "port": "many"}, {"port": "must be a whole number, got 'many'"}),
        (
            CHECK,
            {"type": "HTTPS", "enableSni": "maybe"},
            {"enableSni": "must be one of true, false"},
        ),
        (CHECK, {"type": "HTTPS", "port": 0}, {"port": "must be at least 1, got 0"}),
        (ROLE, {"name": "x"}, {"assumeRolePolicy": "missing (required)"}),
        (ROLE, {"assumeRolePolicy": "{}"}, {"name": "missing (required)"}),
        (BUCKET, {"bucket": "x", "acl": "private"}, {"acl": "unknown key; must be one of bucket, region"}),
        (BUCKET, {}, {"bucket": "missing (required)"}),
        (
            LIFECYCLE,
            {"bucket": "x", "rules": [{"status": "On"}]},
            {"rules[0].status": "must be one of"},
        ),
        (
            LIFECYCLE,
            {"bucket": "x", "rules": [{"status": "Enabled", "x": 1}]},
            {"rules[0].x": "unknown key"},
        ),
        (RECORD, {"zoneId": "Z", "name": "x"}, {"type": "missing (required)"}),
        (RECORD, {"name": "x", "type": "CNAME"}, {"zoneId": "missing (required)"}),
        (
            RECORD,
            {"zoneId": "Z", "name": "x", "type": "CNAME", "weightedRoutingPolicies": [{"weigth": 1}]},
            {"weightedRoutingPolicies": "unknown key"},
        ),
        (CERTIFICATE, {"domainName": "x", "validationMethod": "DNS", "tag": {}}, {"tag": "unknown key"}),
        (VALIDATION, {"validationRecordFqdns": ["x"]}, {"certificateArn": "missing (required)"}),
    ],
)
def test_wrong_inputs_fail_the_check_with_the_name_of_the_property(
    account: Account, kind: str, program: Values, failures: dict[str, str]
) -> None:
    result = account.resource(kind).failures(program)
    assert result.keys() == failures.keys(), result
    assert all(result[path].startswith(text) for path, text in failures.items()), result


def test_unknown_values_pass_the_check_and_stay_unknown_in_the_preview(account: Account) -> None:
    record = {"zoneId": COMPUTED, "name": COMPUTED, "type": "CNAME", "ttl": 20, "records": [COMPUTED]}
    planned = account.resource(RECORD).preview(record)
    assert planned["fqdn"] is COMPUTED
    assert planned["records"] == [COMPUTED]
    assert account.resource(RECORD).failures(record | {"typo": 1}).keys() == {"typo"}
    role = {"name": f"{account.name}-role", "assumeRolePolicy": COMPUTED}
    assert account.resource(ROLE).preview(role)["name"] == f"{account.name}-role"


def test_a_preview_of_an_update_knows_the_outputs_that_do_not_change(account: Account) -> None:
    resource, case = account.case(CHECK)
    resource.up(case.program)
    news = resource.check(case.update | {"resourcePath": COMPUTED})
    fields = {"news": struct(news), "olds": struct(resource.outputs), "old_inputs": struct(resource.inputs)}
    planned = struct_to_plain(resource.call("Update", id=resource.id, preview=True, **fields).properties)
    assert (planned["arn"], planned["resourcePath"]) == (resource.outputs["arn"], COMPUTED)
    assert resource.refresh() == "same"


def test_a_type_and_a_function_of_the_real_provider_alone_are_rejected_by_name(account: Account) -> None:
    with pytest.raises(ProviderError, match=r"aws:sqs/queue:Queue: .* only the real AWS provider does"):
        account.resource("aws:sqs/queue:Queue").check({"name": "x"})
    with pytest.raises(ProviderError, match=r"aws:ec2/getVpc:getVpc: .* only the real AWS provider does"):
        invoke(account, "aws:ec2/getVpc:getVpc")


def test_functions_answer_from_the_emulator(account: Account) -> None:
    assert invoke(account, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    eks, ec2 = account.client("eks"), account.client("ec2")
    eks.create_cluster(name=account.name, roleArn="arn:aws:iam::123456789012:role/x", resourcesVpcConfig={})
    result = invoke(account, "aws:eks/getCluster:getCluster", name=account.name, region=REGION)
    live = eks.describe_cluster(name=account.name)["cluster"]
    assert result["certificateAuthorities"][0]["data"] == live["certificateAuthority"]["data"]
    assert result["identities"][0]["oidcs"][0]["issuer"] == live["identity"]["oidc"]["issuer"]
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    filters = [{"name": "vpc-id", "values": [vpc]}]
    assert invoke(account, "aws:ec2/getSubnets:getSubnets", filters=filters, region=REGION)["ids"] == [subnet]
    each = invoke(account, "aws:ec2/getSubnet:getSubnet", id=subnet, region=REGION)
    assert each["cidrBlock"] == "10.7.1.0/24"
    with pytest.raises(ProviderError, match="describe_cluster: ResourceNotFoundException"):
        invoke(account, "aws:eks/getCluster:getCluster", name="nonesuch")
    with pytest.raises(ProviderError, match="naem: unknown key"):
        invoke(account, "aws:eks/getCluster:getCluster", naem="x")


@pytest.mark.parametrize(("flag", "value"), [("Disabled", True), ("Inverted", True), ("FailureThreshold", 9)])
def test_a_setting_that_somebody_else_turned_on_is_turned_off_again(
    account: Account, flag: str, value: object
) -> None:
    resource, case = account.case(CHECK)
    resource.up(case.program)
    account.client("route53").update_health_check(HealthCheckId=resource.id, **{flag: value})
    assert resource.refresh() == "changed"
    assert resource.up(case.program) == "update"
    assert resource.refresh() == "same"
    live = account.client("route53").get_health_check(HealthCheckId=resource.id)["HealthCheck"]
    assert live["HealthCheckConfig"][flag] in (False, 3)


def test_tags_that_somebody_else_added_are_taken_away(account: Account) -> None:
    resource, case = account.case(ROLE)
    resource.up(case.program)
    account.client("iam").tag_role(RoleName=resource.id, Tags=[{"Key": "theirs", "Value": "x"}])
    assert resource.refresh() == "changed"
    assert resource.changes(case.program) == {"tags": "DELETE"}
    resource.up(case.program)
    assert account.client("iam").list_role_tags(RoleName=resource.id)["Tags"] == []
    assert resource.refresh() == "same"


def test_the_tag_that_names_a_creation_is_no_tag_of_the_program(account: Account) -> None:
    resource, case = account.case(CERTIFICATE)
    resource.up({name: value for name, value in case.program.items() if name != "tags"})
    assert resource.refresh() == "same"
    assert "tags" not in resource.inputs


def test_the_layout_of_a_policy_is_no_change(account: Account) -> None:
    resource, case = account.case("aws:iam/rolePolicy:RolePolicy")
    resource.up(case.program)
    assert resource.up(case.program | {"policy": case.program["policy"].replace(" ", "\n")}) == "same"
    resource.refresh()
    assert resource.changes(case.program) == {}


def test_a_rule_that_somebody_else_extended_is_put_back(account: Account) -> None:
    resource, case = account.case(LIFECYCLE)
    resource.up(case.program)
    s3 = account.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=resource.id)["Rules"]
    rules[1]["Expiration"] = {"Days": 3}
    s3.put_bucket_lifecycle_configuration(Bucket=resource.id, LifecycleConfiguration={"Rules": rules})
    assert resource.refresh() == "changed"
    assert resource.changes(case.program) == {"rules[1].expiration": "DELETE"}
    assert resource.up(case.program) == "update"
    assert resource.refresh() == "same"


def test_a_record_that_lost_its_health_check_gets_it_back(account: Account) -> None:
    resource, case = account.case(f"{RECORD} weighted")
    resource.up(case.program)
    live = {"Name": case.program["name"], "Type": "CNAME", "TTL": 20, "SetIdentifier": "one", "Weight": 10}
    live["ResourceRecords"] = [{"Value": "target.example.com"}]
    account.client("route53").change_resource_record_sets(**record_cases.batch("UPSERT", live))
    assert resource.refresh() == "changed"
    assert resource.changes(case.program) == {"healthCheckId": "ADD"}
    assert resource.up(case.program) == "update"
    assert resource.refresh() == "same"


def test_records_of_one_name_are_distinguished_by_their_set_identifiers(account: Account) -> None:
    name = f"{account.name}.example.com"
    base = {"zoneId": cases.ZONE, "name": name, "type": "CNAME", "records": ["to.example.com"], "ttl": 20}
    programs = {
        key: base | {"setIdentifier": key, "weightedRoutingPolicies": [{"weight": weight}]}
        for weight, key in enumerate(("a", "b", "c"))
    }
    records = {key: account.resource(RECORD, key) for key in programs}
    for key, record in records.items():
        record.up(programs[key])
    assert [record.refresh() for record in records.values()] == ["same"] * 3
    records["b"].delete()
    assert [record.refresh() for record in records.values()] == ["same", "gone", "same"]


def test_a_resource_without_a_region_is_in_the_region_of_the_configuration(account: Account) -> None:
    resource = account.resource(BUCKET)
    configuration = provider_pb2.ConfigureRequest(args=struct({"region": "us-west-2"}))

    def start() -> Provider:
        provider = account.provider()
        assert provider.Configure(configuration, Context()).supportsPreview
        return provider

    resource.start = start
    resource.up({"bucket": f"{account.name}-home"})
    assert account.client("s3").head_bucket(Bucket=resource.id)["BucketRegion"] == "us-west-2"
    assert resource.up({"bucket": f"{account.name}-home", "region": "us-west-2"}) == "same"
    assert resource.up({"bucket": f"{account.name}-home", "region": REGION}) == "replace, deleted first"


def test_a_validation_waits_for_the_certificate_until_the_run_is_cancelled(account: Account) -> None:
    certificate, case = account.case(CERTIFICATE)
    certificate.up(case.program)
    validation = account.resource(VALIDATION)
    timer = threading.Timer(0.5, lambda: validation.provider.Cancel(None, None))
    timer.start()
    with pytest.raises(ProviderError, match="stopped while waiting until Certificate"):
        validation.up({"certificateArn": certificate.id, "region": REGION})
    timer.join()


def test_a_validation_of_an_issued_certificate_is_there_as_long_as_the_certificate(
    account: Account, tmp_path: Path
) -> None:
    authority = pki.ensure(tmp_path / "pki", [f"{account.name}.example.com"])
    files = {"Certificate": authority.certificate("apiserver"), "PrivateKey": authority.key("apiserver")}
    acm = account.client("acm")
    imported = acm.import_certificate(**{name: path.read_bytes() for name, path in files.items()})
    arn = imported["CertificateArn"]
    validation = account.resource(VALIDATION)
    program = {"certificateArn": arn, "region": REGION, "validationRecordFqdns": ["x.example.com"]}
    assert validation.up(program) == "create"
    assert (validation.id, validation.refresh(), validation.up(program)) == (arn, "same", "same")
    validation.delete()
    acm.delete_certificate(CertificateArn=arn)
    assert validation.refresh() == "gone"
