"""Pods that break a promise."""

from __future__ import annotations

from tests.policy_pack.changes import container, context, inputs, pod
from tests.policy_pack.edits import Change, another, volume
from tests.recording import DEPLOYMENT, LIMIT_RANGE, SECRET, SERVICE_ACCOUNT, STATEFUL_SET

BROKEN: dict[str, Change] = {
    "pod: a projected token": volume(
        projected={"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}
    ),
    "pod: an account's token": pod(lambda spec: spec.update(automountServiceAccountToken=True)),
    "pod: an account mounts its token": inputs(
        SERVICE_ACCOUNT, lambda props: props.update(automountServiceAccountToken=True)
    ),
    "pod: another account": pod(lambda spec: spec.update(serviceAccountName="default")),
    "pod: the Agent's account": pod(lambda spec: spec.update(serviceAccountName="agent-us-west-2")),
    "pod: a folder of the node": volume(hostPath={"path": "/var/lib/kubelet"}),
    "pod: a file server": volume(nfs={"server": "10.0.0.1", "path": "/"}),
    "pod: a driver": volume(csi={"driver": "hostpath.csi.k8s.io"}),
    "pod: a volume without a limit": volume(emptyDir={}),
    "pod: a volume that fills a node": volume(emptyDir={"sizeLimit": "500Gi"}),
    "pod: a container that fills a node": container(
        lambda props: props["resources"]["limits"].update({"ephemeral-storage": "100Gi"})
    ),
    "pod: no request of CPU": container(lambda props: props["resources"]["requests"].pop("cpu")),
    "pod: above its LimitRange": container(lambda props: props["resources"]["limits"].update(cpu="64")),
    "pod: a LimitRange that bounds nothing": inputs(
        LIMIT_RANGE, lambda props: props["spec"]["limits"][0]["max"].update(memory="100Ti")
    ),
    "pod: a profile of the node": context(
        seccompProfile={"type": "Localhost", "localhostProfile": "profiles/all.json"}
    ),
    "pod: privileged": context(privileged=True),
    "pod: root's group": context(runAsGroup=0),
    "pod: unmasked proc": context(procMount="Unmasked"),
    "pod: an init container as root": pod(
        lambda spec: spec["initContainers"][0]["securityContext"].update(runAsUser=0)
    ),
    "pod: root's group for files": pod(lambda spec: spec["securityContext"].update(fsGroup=0)),
    "pod: kernel settings": pod(
        lambda spec: spec["securityContext"].update(sysctls=[{"name": "net.core.somaxconn", "value": "1"}])
    ),
    "pod: the node's network": pod(lambda spec: spec.update(hostNetwork=True)),
    "pod: a port of the node": container(lambda props: props["ports"][0].update(hostPort=3002)),
    "pod: names of hosts": pod(
        lambda spec: spec.update(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["s3.amazonaws.com"]}])
    ),
    "pod: another priority": pod(lambda spec: spec.update(priorityClassName="system-node-critical")),
    "pod: a chosen node": pod(lambda spec: spec.update(nodeName="control-plane")),
    "pod: a probe elsewhere": container(
        lambda props: props["livenessProbe"]["httpGet"].update(host="169.254.169.254")
    ),
    "pod: a hook": container(
        lambda props: props.update(lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "true"]}}})
    ),
    "pod: a DaemonSet": another(STATEFUL_SET, "kubernetes:apps/v1:DaemonSet", lambda props: None),
    "pod: the controller has no limits": inputs(
        DEPLOYMENT,
        lambda props: props["spec"]["template"]["spec"]["containers"][0]["resources"].pop("limits"),
    ),
    "pod: an image without a tag": container(lambda props: props.update(image="registry.example.com/agency")),
    "pod: no replicas": inputs(STATEFUL_SET, lambda props: props["spec"].update(replicas=0)),
    "pod: ready whatever the gate says": container(
        lambda props: props["readinessProbe"].update(httpGet={"path": "/health", "port": "brain"})
    ),
    "pod: no gate": pod(lambda spec: spec["initContainers"].pop()),
    "pod: a Secret with a token": another(
        SECRET, SECRET, lambda props: props.update(type="kubernetes.io/service-account-token")
    ),
}
