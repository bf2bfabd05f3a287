"""The local Kubernetes control plane: etcd, API server, controllers and scheduler."""

import base64
import http.client
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from local.machine import pki, ports
from local.machine.files import Progress, write_atomically
from local.machine.processes import Processes
from local.programs import build, catalog

CONTEXT = "digital-agency-local"
KUBECONFIG = "kubeconfig"
"""The admin's, in the state folder."""
ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
PROGRAMS = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER)

NODES_PORT = 6443
"""The API server's port on the nodes' network, which network policies allow."""
SERVICE_RANGE = "10.96.0.0/16"
FIRST_SERVICE_ADDRESS = "10.96.0.1"

NODE_GRACE_SECONDS = 16
"""Then the pods of a silent node count as unready. A node renews its lease every 3 s (`config_files.py`)."""
READY_SECONDS = 180.0
REQUEST_SECONDS = 5.0

IDLE_CONTROLLERS = (
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "device-taint-eviction-controller",
    "horizontal-pod-autoscaler-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    "legacy-serviceaccount-token-cleaner-controller",
    "podcertificaterequest-cleaner-controller",
    "resourceclaim-controller",
    "storage-version-migrator-controller",
    "storageversion-garbage-collector-controller",
)
"""Not started: nothing here signs CSRs, serves metrics or claims devices."""


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A running control plane. The context of `kubeconfig` has all rights."""

    kubeconfig: Path
    server: str
    context: str = CONTEXT


def start(state: Path, progress: Progress, *, address: str = ports.LOOPBACK) -> ControlPlane:
    """Start the programs that do not run, wait until all are ready, and write the kubeconfig.

    With nodes, `address` is this machine's address on their network: the API server listens there on
    NODES_PORT, and pods find it as the Service `kubernetes`. All other ports are free ports on loopback.

    etcd's data in the state folder survives stops and crashes. Raises ProcessError, quoting the log, when a
    program ends or is not ready within READY_SECONDS; BuildError when a program cannot be built.
    """
    binaries = catalog.binaries(PROGRAMS, progress)
    processes = Processes(state, progress)
    with processes.guarding("control-plane"):
        hosts = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        hosts += ["kubernetes.default.svc.cluster.local", FIRST_SERVICE_ADDRESS, address]
        keys = pki.ensure(processes.state / "pki", dict.fromkeys(hosts))
        starter = _Starter(processes, binaries, keys, progress, address)
        fixed = "" if ports.may_be_any(address) else f"{address}:{NODES_PORT}"
        return ports.retried(starter.run, progress, fixed=fixed)


class _Starter:
    """Starts the programs in the order of their dependencies. After a failure it may run again."""

    def __init__(
        self,
        processes: Processes,
        binaries: Mapping[str, Path],
        keys: pki.Pki,
        progress: Progress,
        address: str,
    ) -> None:
        self._processes = processes
        self._state = processes.state
        self._binaries = binaries
        self._keys = keys
        self._progress = progress
        self._address = address
        self._trust = ssl.create_default_context(cafile=str(keys.authority))
        self._server = ""

    def run(self) -> ControlPlane:
        if missing := [name for name in PROGRAMS if not self._processes.alive(name)]:
            self._progress(f"starting {', '.join(missing)}")
        store_port = self._processes.port(ETCD)
        self._start(ETCD, self._etcd(store_port))
        port = self._processes.port(API_SERVER) if ports.may_be_any(self._address) else NODES_PORT
        self._server = f"https://{self._address}:{port}"
        self._start(API_SERVER, self._api_server(port, store_port))
        kubeconfig = self._kubeconfig(KUBECONFIG, "admin")
        self._wait(
            lambda: self._answers(port, "/readyz", self._address),
            "the API server is ready",
            [ETCD, API_SERVER],
        )
        manager_port = self._processes.port(CONTROLLER_MANAGER)
        self._start(CONTROLLER_MANAGER, self._controller_manager(manager_port))
        scheduler_port = self._processes.port(SCHEDULER)
        self._start(SCHEDULER, self._scheduler(scheduler_port))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait(
            lambda: self._answers(manager_port, "/healthz") and self._answers(port, account, self._address),
            "the controllers work",
            PROGRAMS,
        )
        self._wait(lambda: self._answers(scheduler_port, "/readyz"), "the scheduler is ready", PROGRAMS)
        return ControlPlane(kubeconfig=kubeconfig, server=self._server)

    def _start(self, name: str, flags: Mapping[str, object]) -> None:
        argv = [str(self._binaries[name]), *(f"--{flag}={value}" for flag, value in flags.items())]
        # Both read the address from a file with a fixed name. With the variable, a new address restarts them.
        env = {"DIGITAL_AGENCY_SERVER": self._server} if name in (CONTROLLER_MANAGER, SCHEDULER) else {}
        self._processes.start(name, argv, {**build.FRUGAL, **env})

    def _wait(self, condition: Callable[[], bool], what: str, names: Sequence[str]) -> None:
        self._processes.wait_for(condition, what, names, READY_SECONDS)

    def _answers(self, port: int, path: str, host: str = ports.LOOPBACK) -> bool:
        """Whether a GET returns 200, over TLS with a certificate of our authority, without a proxy."""
        connection = http.client.HTTPSConnection(host, port, timeout=REQUEST_SECONDS, context=self._trust)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._keys.token('admin')}"})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _etcd(self, port: int) -> Mapping[str, object]:
        url = f"https://127.0.0.1:{port}"
        nobody = "https://127.0.0.1:0"
        secured = {
            "cert-file": self._keys.certificate("etcd"),
            "key-file": self._keys.key("etcd"),
            "client-cert-auth": "true",
            "trusted-ca-file": self._keys.store_authority,
        }
        return {
            "name": "local",
            "data-dir": self._state / "etcd",
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": nobody,
            "initial-advertise-peer-urls": nobody,
            "initial-cluster": f"local={nobody}",
            **secured,
            **{f"peer-{flag}": value for flag, value in secured.items()},
            # The page cache survives a crash of etcd; a crash of the machine may lose data.
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }

    def _api_server(self, port: int, store_port: int) -> Mapping[str, object]:
        keys = self._keys
        return {
            "etcd-servers": f"https://127.0.0.1:{store_port}",
            "etcd-cafile": keys.store_authority,
            "etcd-certfile": keys.certificate("etcd"),
            "etcd-keyfile": keys.key("etcd"),
            "bind-address": self._address,
            "secure-port": port,
            "tls-cert-file": keys.certificate("apiserver"),
            "tls-private-key-file": keys.key("apiserver"),
            "kubelet-client-certificate": keys.certificate("apiserver"),
            "kubelet-client-key": keys.key("apiserver"),
            "client-ca-file": keys.authority,
            "token-auth-file": keys.tokens,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": keys.key("service-accounts"),
            "service-account-signing-key-file": keys.key("service-accounts"),
            "service-cluster-ip-range": SERVICE_RANGE,
            # A loopback address cannot be an endpoint: without nodes the Service `kubernetes` has none.
            "endpoint-reconciler-type": "none" if ports.may_be_any(self._address) else "lease",
            "kubelet-preferred-address-types": "InternalIP",
            "allow-privileged": "true",
            # Without it, a stop waits a minute for watches.
            "shutdown-watch-termination-grace-period": "1s",
            "profiling": "false",
        }

    def _controller_manager(self, port: int) -> Mapping[str, object]:
        return {
            **self._client(CONTROLLER_MANAGER, port),
            "controllers": ",".join(("*", *(f"-{name}" for name in IDLE_CONTROLLERS))),
            "service-account-private-key-file": self._keys.key("service-accounts"),
            "use-service-account-credentials": "true",
            "root-ca-file": self._keys.authority,
            "node-monitor-period": "2s",
            "node-monitor-grace-period": f"{NODE_GRACE_SECONDS}s",
            "kube-api-qps": 100,
            "kube-api-burst": 200,
        }

    def _scheduler(self, port: int) -> Mapping[str, object]:
        return self._client(SCHEDULER, port)

    def _client(self, name: str, port: int) -> dict[str, object]:
        kubeconfig = self._kubeconfig(f"{name}.kubeconfig", f"system:{name}")
        return {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "secure-port": port,
            "tls-cert-file": self._keys.certificate("apiserver"),
            "tls-private-key-file": self._keys.key("apiserver"),
            "leader-elect": "false",
            "profiling": "false",
        }

    def _kubeconfig(self, file: str, user: str) -> Path:
        """Write a kubeconfig, unless it has this content, and return its path."""
        path = self._state / file
        authority = base64.b64encode(self._keys.authority.read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {"server": self._server, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": f"{CONTEXT}-{user}", "user": {"token": self._keys.token(user)}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": f"{CONTEXT}-{user}"}}],
            "current-context": CONTEXT,
        }
        text = yaml.safe_dump(content, sort_keys=False)
        if not path.exists() or path.read_text() != text:
            write_atomically(path, text)
        return path
