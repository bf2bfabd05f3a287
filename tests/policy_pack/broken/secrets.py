"""Secrets in plain text."""

from __future__ import annotations

from tests.policy_pack.changes import container, inputs, pod
from tests.policy_pack.edits import LEAKED, Change, args, env, leaked, put_annotation, put_template_annotation
from tests.recording import SERVICE

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
}
