"""The programs that are built from pinned Go modules."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from local.machine.files import Progress
from local.programs.build import Program, ensure

KUBERNETES_VERSION = (
    "-X k8s.io/component-base/version.gitVersion={version}",
    "-X k8s.io/component-base/version.gitMajor={major}",
    "-X k8s.io/component-base/version.gitMinor={minor}",
)
KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
PROVIDER_VERSION = f"{version_of('pulumi-kubernetes')}+{{version}}"
"""The newest provider in the module proxy is older than the SDK, and works with it. It gets the SDK's
version, with its own as build metadata: with its own version alone the engine warns in every run.
"""
CONTAINERD = "github.com/containerd/containerd/v2"
CNI = "github.com/containernetworking/plugins"
LOAD_BALANCER_CONTROLLER = "sigs.k8s.io/aws-load-balancer-controller"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
MONITORING = ("podmonitors", "prometheusrules")
"""Kinds of the Prometheus operator."""


def _program(
    name: str, package: str, pinned: str = "", module: str = "", version: str = "", **options: Any
) -> Program:
    """`pinned` is `package` and `module` is `name` by default; `version` is the variable for the version."""
    if version:
        options["ldflags"] = (f"-X {version}={{version}}",)
    return Program(name=name, module=module or name, package=package, pinned=pinned or package, **options)


def _kubernetes(name: str) -> Program:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return _program(name, package, "k8s.io/kubernetes", "kubernetes", ldflags=KUBERNETES_VERSION)


def _containerd(name: str) -> Program:
    version = f"{CONTAINERD}/version.Version"
    return _program(name, f"{CONTAINERD}/cmd/{name}", CONTAINERD, "containerd", version)


PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        _program("etcd", "go.etcd.io/etcd/server/v3"),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubelet"),
        _kubernetes("kube-proxy"),
        _containerd("containerd"),
        _containerd("containerd-shim-runc-v2"),
        _containerd("ctr"),
        _program(
            "runc", "github.com/opencontainers/runc", version="main.version", cgo=True, tags=("seccomp",)
        ),
        _program("ptp", f"{CNI}/plugins/main/ptp", CNI, "cni"),
        _program("loopback", f"{CNI}/plugins/main/loopback", CNI, "cni"),
        _program("host-local", f"{CNI}/plugins/ipam/host-local", CNI, "cni"),
        _program("coredns", ".", "github.com/coredns/coredns"),
        _program("kube-network-policies", ".", "sigs.k8s.io/kube-network-policies"),
        _program("local-path-provisioner", "github.com/rancher/local-path-provisioner"),
        _program(
            "aws-load-balancer-controller",
            LOAD_BALANCER_CONTROLLER,
            version=f"{LOAD_BALANCER_CONTROLLER}/pkg/version.GitVersion",
            files=("config/crd/bases/*.yaml", "config/webhook/manifests.yaml"),
        ),
        _program("caddy", ".", "github.com/caddyserver/caddy/v2"),
        _program("rclone", ".", "github.com/rclone/rclone", version="github.com/rclone/rclone/fs.Version"),
        _program(
            "pulumi",
            "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            "github.com/pulumi/pulumi/pkg/v3",
            version="github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
        ),
        _program("pulumi-stack-files", "./stackfiles", "github.com/pulumi/pulumi/sdk/v3", "pulumi"),
        _program(
            "pulumi-resource-kubernetes",
            ".",
            KUBERNETES_PROVIDER,
            "pulumi-kubernetes",
            ldflags=(f"-X {KUBERNETES_PROVIDER}/pkg/version.Version={PROVIDER_VERSION}",),
        ),
        _program(
            "external-dns",
            "sigs.k8s.io/external-dns",
            version="sigs.k8s.io/external-dns/pkg/apis/externaldns.Version",
        ),
        _program(
            "admission-webhook",
            f"{PROMETHEUS_OPERATOR}/cmd/admission-webhook",
            PROMETHEUS_OPERATOR,
            "prometheus-operator",
        ),
        _program(
            "monitoring-kinds",
            "",
            PROMETHEUS_OPERATOR,
            "prometheus-operator",
            files=tuple(f"example/prometheus-operator-crd/*_{kind}.yaml" for kind in MONITORING),
        ),
        _program("d2", "oss.terrastruct.com/d2"),
        _program("kube-score", "github.com/zegl/kube-score/cmd/kube-score", "github.com/zegl/kube-score"),
        _program("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", "github.com/rhysd/actionlint"),
    )
}
"""All programs by name, in the order in which `make test` builds them: first what nodes need."""


def binary(name: str, progress: Progress) -> Path:
    """The program's binary, built if it is missing. Raises BuildError."""
    return binaries([name], progress)[name]


def binaries(names: Iterable[str], progress: Progress) -> dict[str, Path]:
    return ensure([PROGRAMS[name] for name in names], progress)
