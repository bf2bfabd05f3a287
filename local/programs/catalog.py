"""The programs that are built from pinned Go modules."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from local.machine.files import Progress
from local.programs.build import Program, ensure

KUBERNETES_VERSION = (
    "-X k8s.io/component-base/version.gitVersion={version}",
    "-X k8s.io/component-base/version.gitMajor={major}",
    "-X k8s.io/component-base/version.gitMinor={minor}",
)
KUBERNETES_PROVIDER = "-X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version"
"""The newest provider in the module proxy is older than the SDK, whose programs it runs all the same. It has
the SDK's version, with its own as build metadata. With its own version alone every run has a warning."""


def _kubernetes(name: str) -> Program:
    return Program(
        name=name,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        pinned="k8s.io/kubernetes",
        ldflags=KUBERNETES_VERSION,
    )


def _containerd(name: str) -> Program:
    return Program(
        name=name,
        module="containerd",
        package=f"github.com/containerd/containerd/v2/cmd/{name}",
        pinned="github.com/containerd/containerd/v2",
        ldflags=("-X github.com/containerd/containerd/v2/version.Version={version}",),
    )


def _network_plugin(kind: str, name: str) -> Program:
    return Program(
        name=name,
        module="cni",
        package=f"github.com/containernetworking/plugins/plugins/{kind}/{name}",
        pinned="github.com/containernetworking/plugins",
    )


PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        Program(
            name="etcd",
            module="etcd",
            package="go.etcd.io/etcd/server/v3",
            pinned="go.etcd.io/etcd/server/v3",
        ),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubelet"),
        _kubernetes("kube-proxy"),
        _containerd("containerd"),
        _containerd("containerd-shim-runc-v2"),
        _containerd("ctr"),
        Program(
            name="runc",
            module="runc",
            package="github.com/opencontainers/runc",
            pinned="github.com/opencontainers/runc",
            ldflags=("-X main.version={version}",),
            cgo=True,
            tags=("seccomp",),
        ),
        _network_plugin("main", "ptp"),
        _network_plugin("main", "loopback"),
        _network_plugin("ipam", "host-local"),
        Program(
            name="coredns",
            module="coredns",
            package="github.com/coredns/coredns",
            pinned="github.com/coredns/coredns",
        ),
        Program(
            name="kube-network-policies",
            module="kube-network-policies",
            package=".",
            pinned="sigs.k8s.io/kube-network-policies",
        ),
        Program(
            name="local-path-provisioner",
            module="local-path-provisioner",
            package="github.com/rancher/local-path-provisioner",
            pinned="github.com/rancher/local-path-provisioner",
        ),
        Program(
            name="aws-load-balancer-controller",
            module="aws-load-balancer-controller",
            package="sigs.k8s.io/aws-load-balancer-controller",
            pinned="sigs.k8s.io/aws-load-balancer-controller",
            ldflags=("-X sigs.k8s.io/aws-load-balancer-controller/pkg/version.GitVersion={version}",),
            files=("config/crd/bases/*.yaml", "config/webhook/manifests.yaml"),
        ),
        Program(
            name="caddy",
            module="caddy",
            package=".",
            pinned="github.com/caddyserver/caddy/v2",
        ),
        Program(
            name="rclone",
            module="rclone",
            package="github.com/rclone/rclone",
            pinned="github.com/rclone/rclone",
            ldflags=("-X github.com/rclone/rclone/fs.Version={version}",),
        ),
        Program(
            name="pulumi",
            module="pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            pinned="github.com/pulumi/pulumi/pkg/v3",
            ldflags=("-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
        ),
        Program(
            name="pulumi-resource-kubernetes",
            module="pulumi-kubernetes",
            package=".",
            pinned="github.com/pulumi/pulumi-kubernetes/provider/v4",
            ldflags=(f"{KUBERNETES_PROVIDER}={version('pulumi-kubernetes')}+{{version}}",),
        ),
        Program(
            name="external-dns",
            module="external-dns",
            package="sigs.k8s.io/external-dns",
            pinned="sigs.k8s.io/external-dns",
            ldflags=("-X sigs.k8s.io/external-dns/pkg/apis/externaldns.Version={version}",),
        ),
        Program(
            name="d2",
            module="d2",
            package="oss.terrastruct.com/d2",
            pinned="oss.terrastruct.com/d2",
        ),
        Program(
            name="kube-score",
            module="kube-score",
            package="github.com/zegl/kube-score/cmd/kube-score",
            pinned="github.com/zegl/kube-score",
        ),
        Program(
            name="actionlint",
            module="actionlint",
            package="github.com/rhysd/actionlint/cmd/actionlint",
            pinned="github.com/rhysd/actionlint",
        ),
    )
}
"""By name."""


def binary(name: str, progress: Progress) -> Path:
    """The program's binary, built if it is missing. Raises BuildError."""
    return binaries([name], progress)[name]


def binaries(names: Iterable[str], progress: Progress) -> dict[str, Path]:
    return ensure([PROGRAMS[name] for name in names], progress)
