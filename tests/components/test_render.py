"""`python -m ops render`: files in their places, reproducible, without secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.values import Secret
from ops.__main__ import main
from ops.render import MASK, plain
from tests.components.stacks import many_companies, stack
from tests.recording import ROOT, Recording
from tests.strategies import Raw

CLUSTER_SCOPED = {
    "ClusterRole",
    "Namespace",
    "PriorityClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def stack_file(folder: Path, raw: Raw, name: str = "Pulumi.dev.yaml") -> Path:
    path = folder / name
    config = {f"digital-agency:{key}": value for key, value in raw.items()} | {"aws:region": "us-east-1"}
    path.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    return path


def render(path: Path, out: Path, *more: str) -> int:
    return main(["render", "--config", str(path), "--out", str(out), *more])


def files(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("render")
    assert render(stack_file(folder, many_companies()), folder / "out") == 0
    return folder / "out"


@pytest.fixture(scope="module")
def aws(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "aws.json").read_text(encoding="utf-8"))
    return found


def manifests(out: Path) -> dict[Path, dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = out.glob("kubernetes/**/*.yaml")
    return {path: yaml.load(path.read_text(encoding="utf-8"), Loader=loader) for path in found}


def test_every_object_lies_in_the_folder_of_its_cluster_and_namespace(out: Path, many: Recording) -> None:
    found = set()
    for path, manifest in manifests(out).items():
        cluster, namespace, file = path.relative_to(out / "kubernetes").parts
        metadata = manifest["metadata"]
        assert namespace == metadata.get("namespace", "_cluster")
        assert ("namespace" not in metadata) is (manifest["kind"] in CLUSTER_SCOPED)
        assert file == f"{manifest['kind'].lower()}-{metadata['name']}.yaml"
        assert list(manifest)[:2] == ["apiVersion", "kind"]
        found.add((cluster, manifest["kind"], metadata.get("namespace"), metadata["name"]))
    wanted = {
        (
            many.cluster_of(resource),
            resource.inputs["kind"],
            resource.inputs["metadata"].get("namespace"),
            resource.inputs["metadata"]["name"],
        )
        for resource in many.objects()
    }
    assert found == wanted
    assert {cluster for cluster, *_ in found} == {"context-shared", "eks-us-west-2-green"}


def test_a_manifest_is_what_was_registered(out: Path, many: Recording) -> None:
    path = out / "kubernetes/context-shared/acme/statefulset-brain-us-east-1.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert manifest == many.named("acme-brain@us-east-1-statefulset").inputs


def test_the_aws_resources_are_listed_in_pulumi_s_tokens_and_names(
    aws: list[dict[str, Any]], many: Recording
) -> None:
    assert all(resource.keys() == {"type", "name", "urn", "id", "inputs"} for resource in aws)
    wanted = {
        resource.urn: (resource.type, resource.name, resource.id, resource.inputs)
        for resource in many
        if resource.type.startswith("aws:")
    }
    assert {
        resource["urn"]: (resource["type"], resource["name"], resource["id"], resource["inputs"])
        for resource in aws
    } == wanted
    assert [resource["urn"] for resource in aws] == sorted(wanted)
    assert all(resource["id"] for resource in aws)


def test_resources_call_each_other_by_ids_that_are_listed(aws: list[dict[str, Any]]) -> None:
    ids: dict[str, set[str]] = {}
    for resource in aws:
        ids.setdefault(resource["type"].rpartition(":")[2], set()).add(resource["id"])
    for resource in aws:
        inputs, kind = resource["inputs"], resource["type"]
        if kind == "aws:route53/record:Record":
            assert inputs.get("healthCheckId") in ids["HealthCheck"] | {None}
        if kind.startswith("aws:s3/bucket") and kind != "aws:s3/bucket:Bucket":
            assert inputs["bucket"] in ids["Bucket"]
        if kind == "aws:iam/rolePolicy:RolePolicy":
            assert inputs["role"] in ids["Role"]
        if kind == "aws:acm/certificateValidation:CertificateValidation":
            assert inputs["certificateArn"] in ids["Certificate"]
        if kind.endswith((":PodIdentityAssociation", ":BucketReplicationConfig")):
            assert inputs.get("roleArn", inputs.get("role")).rpartition("/")[2] in ids["Role"]


def test_ingresses_name_certificates_and_accounts_name_roles_that_are_listed(tmp_path: Path) -> None:
    assert render(stack_file(tmp_path, stack(identity="irsa")), tmp_path / "out") == 0
    listed = {
        resource["id"] for resource in json.loads((tmp_path / "out/aws.json").read_text(encoding="utf-8"))
    }
    named = [manifest["metadata"].get("annotations", {}) for manifest in manifests(tmp_path / "out").values()]
    certificates = {
        resource["alb.ingress.kubernetes.io/certificate-arn"] for resource in named if len(resource) > 5
    }
    roles = {
        resource["eks.amazonaws.com/role-arn"].rpartition("/")[2]
        for resource in named
        if len(resource) == 1 and "eks.amazonaws.com/role-arn" in resource
    }
    assert certificates and certificates <= listed
    assert roles and roles <= listed


def test_two_renders_are_the_same(out: Path, tmp_path: Path) -> None:
    assert render(stack_file(tmp_path, many_companies()), tmp_path / "out") == 0
    assert files(tmp_path / "out") == files(out)


def test_secrets_are_in_no_file_of_local_either_where_they_may_be_plain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"OPENAI_API_KEY": "sk-in-plain", "GOOGLE_API_KEY": {"secure": "v1:c2VhbGVk:0123456789"}}
    path = stack_file(tmp_path, stack(companies=[{"name": "acme", "apiKeys": keys}]))
    assert render(path, tmp_path / "out", "--stack", "local") == 0
    said = capsys.readouterr()
    written = b"".join(files(tmp_path / "out").values()) + (said.out + said.err).encode()
    for hidden in (b"sk-in-plain", b"c2stbi1wbGFpbg", b"c2staW4tcGxhaW4", b"c2VhbGVk"):
        assert hidden not in written
    (secret,) = (tmp_path / "out").rglob("secret-api-keys.yaml")
    assert yaml.safe_load(secret.read_text(encoding="utf-8"))["data"].keys() == keys.keys()


def test_a_secret_is_masked_everywhere() -> None:
    assert plain({"b": [Secret("x")], "a": {"c": Secret({"d": "y"})}}) == {"a": {"c": MASK}, "b": [MASK]}


def test_a_render_replaces_the_previous_render(tmp_path: Path) -> None:
    path = stack_file(tmp_path, stack(companies=["acme", "globex"]))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine", encoding="utf-8")
    assert render(path, tmp_path / "out") == 0
    assert list((tmp_path / "out").rglob("*globex*"))
    assert render(stack_file(tmp_path, stack()), tmp_path / "out") == 0
    assert not list((tmp_path / "out").rglob("*globex*"))
    assert "globex" not in (tmp_path / "out/aws.json").read_text(encoding="utf-8")
    assert (tmp_path / "out/notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("name", "more", "stack_name"),
    [
        ("Pulumi.staging.yaml", (), "staging"),
        ("Pulumi.staging.yaml", ("--stack", "blue"), "blue"),
        ("agency.yaml", (), "dev"),
    ],
)
def test_the_stack_is_in_the_file_s_name_unless_an_option_names_it(
    tmp_path: Path, name: str, more: tuple[str, ...], stack_name: str
) -> None:
    assert render(stack_file(tmp_path, stack(), name), tmp_path / "out", *more) == 0
    buckets = [
        resource
        for resource in json.loads((tmp_path / "out/aws.json").read_text())
        if resource["type"] == "aws:s3/bucket:Bucket"
    ]
    assert buckets[0]["id"] == f"agency-example-com-{stack_name}-us-east-1"


@pytest.mark.services
def test_the_file_may_lie_anywhere_and_the_command_run_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    stack_file(folder, stack())
    done = subprocess.run(
        [sys.executable, "-m", "ops", "render", "--config", "Pulumi.dev.yaml", "--out", "out"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "in out" in done.stdout.splitlines()[-1]
    assert (folder / "out/aws.json").is_file()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config: {digital-agency:domain: a.example.com}", "digital-agency:companies"),
        ("config: [", "not YAML"),
        ("config: 7", "expected a mapping"),
        ("- a", "expected a mapping"),
        (None, "No such file"),
    ],
)
def test_a_broken_stack_file_exits_with_2_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert render(path, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        "config: {digital-agency:domain: a.example.com, digital-agency:domain: b.example.com}",
        "config:\n  digital-agency:domain: a.example.com\n  digital-agency:domain: b.example.com",
        "config: {digital-agency:regions: [{digital-agency:domain: x, a: b, digital-agency:domain: x}]}",
    ],
    ids=["beside", "below", "within a list"],
)
def test_a_duplicate_key_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(text, encoding="utf-8")
    assert render(path, tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "digital-agency:domain: duplicate key" in line


def test_every_fault_has_a_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = stack(regions=[{"name": "us-east-1", "weight": -1, "wight": 2}], companies=[{"name": "kube-x"}])
    assert render(stack_file(tmp_path, raw), tmp_path / "out") == 2
    lines = capsys.readouterr().err.splitlines()
    for key in ("regions[0].weight", "regions[0].wight", "companies[0].name"):
        assert len([line for line in lines if f"digital-agency:{key}" in line]) == 1, lines
    assert not (tmp_path / "out").exists()


def test_warnings_are_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = stack(ingress={"scheme": "internal"})
    assert render(stack_file(tmp_path, raw), tmp_path / "out") == 0
    assert "warning: ingress.scheme is internal: Route53's health checkers" in capsys.readouterr().err
