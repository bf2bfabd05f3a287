"""Problems of the clusters of regions."""

from __future__ import annotations

from tests.settings.broken.base import Broken, wrong
from tests.settings.edits import both, put

_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/"

CLUSTERS = [
    wrong(
        "a cluster by EKS and by context",
        "regions[1].cluster",
        {"eks": "blue", "context": "blue"},
        "must be one of {eks: <name>} or {context: <name>}",
    ),
    wrong("a cluster by neither", "regions[1].cluster", {}, "must be one of {eks: <name>}"),
    wrong(
        "a cluster that is only a name", "regions[1].cluster", "blue", "{eks: <name>} or {context: <name>}"
    ),
    wrong(
        "a cluster's endpoint without its authority",
        "regions[1].cluster",
        {"eks": "blue", "endpoint": "https://x"},
        "must have both endpoint and certificateAuthority",
    ),
    wrong(
        "a cluster's authority without its endpoint",
        "regions[1].cluster",
        {"eks": "blue", "certificateAuthority": "Q0E="},
        "must have both endpoint and certificateAuthority",
    ),
    wrong(
        "a context's endpoint",
        "regions[1].cluster",
        {"context": "b", "endpoint": "https://x", "certificateAuthority": "Q0E="},
        "only with eks",
    ),
    wrong(
        "an EKS name beside the EKS name",
        "regions[1].cluster",
        {"eks": "blue", "eksName": "green"},
        "eksName only with context",
    ),
    Broken(
        "an EKS name that is a path",
        put("regions[1].cluster", {"eks": "../blue"}),
        "regions[1].cluster.eks",
        '"../blue"',
        "an EKS cluster's name",
    ),
    Broken(
        "an endpoint that is not a URL",
        put("regions[1].cluster", {"eks": "blue", "endpoint": "x", "certificateAuthority": "Q0E="}),
        "regions[1].cluster.endpoint",
        '"x"',
        "https://",
    ),
    Broken(
        "an authority as a PEM file has it",
        put(
            "regions[1].cluster",
            {"eks": "b", "endpoint": "https://x", "certificateAuthority": "-----BEGIN\nMII"},
        ),
        "regions[1].cluster.certificateAuthority",
        '"-----BEGIN\\nMII"',
        "base64 on one line",
    ),
    Broken(
        "a context without a letter",
        put("regions[1].cluster", {"context": "@"}),
        "regions[1].cluster.context",
        '"@"',
        "a letter or a digit",
    ),
    Broken(
        "contexts that would share a folder",
        both(put("regions[0].cluster", {"context": "a@b"}), put("regions[1].cluster", {"context": "A-B"})),
        "regions[1].cluster.context",
        '"A-B"',
        "must differ from a@b in letters or digits",
    ),
    Broken(
        "a shared cluster with two names in EKS",
        both(
            put("regions[0].cluster", {"context": "c", "eksName": "blue"}),
            put("regions[1].cluster", {"context": "c", "eksName": "green"}),
        ),
        "regions[1].cluster.eksName",
        '"green"',
        "must be blue, as in another region with context c",
    ),
    Broken(
        "a shared cluster with two OIDC providers",
        both(
            put("regions[0].cluster", {"context": "c", "oidcProviderArn": f"{_PROVIDER}1"}),
            put("regions[1].cluster", {"context": "c", "oidcProviderArn": f"{_PROVIDER}2"}),
        ),
        "regions[1].cluster.oidcProviderArn",
        f'"{_PROVIDER}2"',
        f"{_PROVIDER}1",
    ),
    Broken(
        "an OIDC provider by URL",
        put("regions[1].cluster", {"context": "c", "oidcProviderArn": "https://oidc"}),
        "regions[1].cluster.oidcProviderArn",
        '"https://oidc"',
        "arn:aws:iam::<account>:oidc-provider/",
    ),
]
