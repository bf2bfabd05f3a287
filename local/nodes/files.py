"""The configuration files of a node's programs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from local.nodes.plan import RUNTIME_SOCKET, Node
from local.nodes.stock import PAUSE_IMAGE

CLUSTER_DOMAIN = "cluster.local"
NAMES = ("cni/10-bridge.conflist", "containerd.toml", "kubelet.yaml", "kube-proxy.yaml")


def write(node: Node, programs: Path) -> None:
    """`programs`: the folder with the CNI plugins."""
    (node.folder / "cni").mkdir(parents=True, exist_ok=True)
    contents = (
        json.dumps(_pod_network(node), indent=2),
        _containerd(node, programs),
        yaml.safe_dump(_kubelet(node), sort_keys=False),
        yaml.safe_dump(_kube_proxy(node), sort_keys=False),
    )
    for name, content in zip(NAMES, contents, strict=True):
        file = node.folder / name
        # kube-proxy ends when its file is written, whatever is in it.
        if not file.exists() or file.read_text() != content:
            file.write_text(content)


def _pod_network(node: Node) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": node.network.pods(node.region)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(node.folder / "addresses"),
    }
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": addresses,
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}


def _containerd(node: Node, programs: Path) -> str:
    """Version 3 of its format (containerd 2). `restrict_oom_score_adj`: without the right to lower it, as in
    many sandboxes, every pod would fail.
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
        # Drills follow each other within the ten minutes that the kubelet remembers a restart: each exchange
        # of a Brain's memory would wait twice as long as the one before, five minutes at last.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        "containerRuntimeEndpoint": f"unix://{RUNTIME_SOCKET}",
        # The API server shows a certificate; pods, which reach the node's address, have none.
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": node.authority},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 12,
        "evictionHard": {"nodefs.available": "1%"},
        # There is nowhere to pull an image from again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "resolvConf": "/dev/null",
        "clusterDNS": [node.network.host],
        "clusterDomain": CLUSTER_DOMAIN,
    }


def _kube_proxy(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": node.name,
        "clientConnection": {"kubeconfig": node.kubeconfig},
        "clusterCIDR": node.network.whole,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "0s"},
    }
