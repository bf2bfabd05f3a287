"""Secrets in plain text."""

from __future__ import annotations

import base64

from tests.policy_pack.changes import container, inputs, pod
from tests.policy_pack.edits import LEAKED, Change, args, env, leaked, put_annotation, put_template_annotation
from tests.recording import BUCKET, CONFIG_MAP, INGRESS, ROLE, SECRET, SERVICE

BROKEN: dict[str, Change] = {
    "secret: in args": args("--api-key=sk-abcdefghijklmnopqrstuvwx"),
    "secret: in args by name": args("--openai-api-key", LEAKED),
    "secret: in a variable": env("GITHUB_TOKEN", "abcdef0123456789"),
    "secret: in a variable of a plain name": env("NOTES", "postgres://agency:hunter22@db.example.com/agency"),
    "secret: in a command": container(
        lambda props: props["command"].append("ghp_abcdefghijklmnopqrstuvwxyz0123456789")
    ),
    "secret: in an init container": pod(
        lambda spec: spec["initContainers"][1]["env"].append(
            {"name": "AWS_SECRET_ACCESS_KEY", "value": LEAKED}
        )
    ),
    "secret: in an annotation": leaked(put_annotation),
    "secret: in a template's annotation": leaked(put_template_annotation),
    "secret: the value of a Secret in args": leaked(lambda found, value: args(value)(found)),
    "secret: the value of a Secret in a variable": leaked(
        lambda found, value: env("NOTES", f"<{value}>")(found)
    ),
    "secret: the value of a Secret in a label": leaked(
        lambda found, value: inputs(
            SERVICE, lambda props: props["metadata"]["labels"].update(note=value), "a-brain"
        )(found)
    ),
    "secret: the value of another company's Secret": leaked(
        lambda found, value: inputs(
            SERVICE, lambda props: props["metadata"]["labels"].update(note=value), "acme-brain"
        )(found)
    ),
    "secret: in the controller's config": leaked(
        lambda found, value: inputs(
            CONFIG_MAP, lambda props: props["data"].update(note=value), "failover-settings"
        )(found)
    ),
    "secret: in a tag": leaked(
        lambda found, value: inputs(BUCKET, lambda props: props.update(tags={"note": value}))(found)
    ),
    "secret: in a role": leaked(
        lambda found, value: inputs(ROLE, lambda props: props.update(description=value))(found)
    ),
    "secret: in a probe": leaked(
        lambda found, value: container(
            lambda props: props["livenessProbe"]["httpGet"].update(path=f"/health?key={value}")
        )(found)
    ),
    "secret: in binary data": leaked(
        lambda found, value: inputs(
            CONFIG_MAP,
            lambda props: props.update(binaryData={"x": base64.b64encode(value.encode()).decode()}),
            "acme-agent",
        )(found)
    ),
    "secret: another library": inputs(
        SECRET, lambda props: props["data"].update(LD_PRELOAD="L3dvcmsveC5zbw=="), "-keys@"
    ),
    "secret: a known key in a tag": inputs(
        BUCKET, lambda props: props.update(tags={"note": "AKIAIOSFODNN7EXAMPLE"})
    ),
    "secret: a known key in a path": inputs(
        INGRESS,
        lambda props: props["spec"]["rules"][0]["http"]["paths"][0].update(path="/AKIAIOSFODNN7EXAMPLE"),
        "acme-agent@us-east-1",
    ),
}
