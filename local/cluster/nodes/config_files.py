"""The configuration files of a node's programs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from local.cluster import network_policies
from local.cluster.images.local_images import PAUSE_IMAGE
from local.cluster.model import NODE_LOCAL_DNS, RUNTIME_SOCKET, Node

CLUSTER_DOMAIN = "cluster.local"
NAMES = ("cni/10-ptp.conflist", "containerd.toml", "kubelet.yaml", "kube-proxy.yaml", "Corefile")
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""Files with this machine's DNS servers. If the first file names a local stub, systemd has the servers in the
second file.
"""


def write(node: Node, programs: Path) -> None:
    """`programs`: the folder with the CNI plugins."""
    (node.folder / "cni").mkdir(parents=True, exist_ok=True)
    contents = (
        json.dumps(_pod_network(node), indent=2),
        _containerd(node, programs),
        yaml.safe_dump(_kubelet(node), sort_keys=False),
        yaml.safe_dump(_kube_proxy(node), sort_keys=False),
        _corefile(node),
    )
    for name, content in zip(NAMES, contents, strict=True):
        file = node.folder / name
        # kube-proxy ends when its file is written, even with the same content.
        if not file.exists() or file.read_text() != content:
            file.write_text(content)


def _pod_network(node: Node) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": node.network.pods(node.zone)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(node.folder / "addresses"),
    }
    # No bridge: packets between pods of one node must pass the node's packet filter, too.
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": addresses}]}


def _containerd(node: Node, programs: Path) -> str:
    """Version 3 of the format (containerd 2). With `restrict_oom_score_adj` pods start without the right to
    lower the OOM score, as in many sandboxes.
    """
    runtime = 'plugins."io.containerd.cri.v1.runtime"'
    return f"""version = 3
root = "{node.folder}/images"
state = "{RUNTIME_SOCKET.parent}"
[grpc]
  address = "{RUNTIME_SOCKET}"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"
[{runtime}]
  restrict_oom_score_adj = true
[{runtime}.cni]
  bin_dirs = ["{programs}"]
  conf_dir = "{node.folder}/cni"
[{runtime}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [{runtime}.containerd.runtimes.runc.options]
    SystemdCgroup = false
    BinaryName = "{node.binaries["runc"]}"
{_pod_events() if node.enforces else ""}"""


def _pod_events() -> str:
    """NRI reports a pod's address before the pod's first program runs. containerd disconnects a plugin that
    answers too late, so the timeouts are long.
    """
    nri = 'plugins."io.containerd.nri.v1.nri"'
    return f"""[{nri}]
  plugin_registration_timeout = "60s"
  plugin_request_timeout = "60s"
  [{nri}.default_validator]
    enable = true
    required_plugins = ["{network_policies.PROGRAM}"]
"""


def _kubelet(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup}",
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": False,
        # The kubelet doubles the back-off, up to 5 min, for restarts within 10 min. Drills are that frequent,
        # and each handover restarts a Brain's application.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        "containerRuntimeEndpoint": f"unix://{RUNTIME_SOCKET}",
        # The API server has a client certificate. Pods, which reach the node's address, have none.
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": node.authority},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 12,
        "evictionHard": {"nodefs.available": "1%"},
        # A deleted image could not be pulled again: there is no registry.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "resolvConf": "/dev/null",
        "clusterDNS": [NODE_LOCAL_DNS],
        "clusterDomain": CLUSTER_DOMAIN,
    }


def _kube_proxy(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": node.name,
        "clientConnection": {"kubeconfig": node.kubeconfig},
        "clusterCIDR": node.network.cidr,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "0s"},
    }


def _corefile(node: Node) -> str:
    """Other names are forwarded to this machine's DNS servers, if nodes reach them."""
    forward = f"forward . {' '.join(servers)}" if (servers := _resolvers()) else ""
    return f""".:53 {{
    bind {NODE_LOCAL_DNS}
    errors
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {node.kubeconfig}
        ttl 5
    }}
    {forward}
}}
"""


def _resolvers() -> list[str]:
    """DNS servers that nodes reach: those with an IPv4 address beyond this machine."""
    for file in RESOLVERS:
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        servers = [words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1]
        if reachable := [each for each in servers if "." in each and not each.startswith("127.")]:
            return reachable
    return []
