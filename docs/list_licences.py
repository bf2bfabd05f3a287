"""Writes docs/licences.md from what is locked: `python -m docs.list_licences`."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from local.programs import catalog

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "licences.md"
LOCKS = {"deployment": "requirements.txt", "development": "requirements-dev.txt"}
PROGRAMS = {
    "actionlint": "MIT",
    "aws-load-balancer-controller": "Apache-2.0",
    "caddy": "Apache-2.0",
    "cni": "Apache-2.0",
    "containerd": "Apache-2.0",
    "coredns": "Apache-2.0",
    "d2": "MPL-2.0",
    "etcd": "Apache-2.0",
    "external-dns": "Apache-2.0",
    "kube-network-policies": "Apache-2.0",
    "kube-score": "MIT",
    "kubernetes": "Apache-2.0",
    "local-path-provisioner": "Apache-2.0",
    "prometheus-operator": "Apache-2.0",
    "pulumi": "Apache-2.0",
    "pulumi-kubernetes": "Apache-2.0",
    "rclone": "MIT",
    "runc": "Apache-2.0",
}
"""The licence of what each folder of local/go pins."""
HEAD = """\
# Licences of what is used

Nothing of it is part of this repository. Python packages are installed, with the hashes of the lock files;
programs are built on your machine, from Go modules whose sums stand in `local/go/*/go.sum`. In clusters run
the application's image, and the stock images of rclone (MIT) and Python (PSF-2.0). This page is written by
`python -m docs.list_licences`.

"""


def page() -> str:
    rows = [f"| {name} | {use} | {licence} |\n" for name, (use, licence) in sorted(_packages().items())]
    modules = {program.module: program.pinned for program in catalog.PROGRAMS.values()}
    programs = [f"| {name} | `{modules[name]}` | {licence} |\n" for name, licence in PROGRAMS.items()]
    return "".join(
        [
            HEAD,
            "## Programs that are built for the local target and the tests\n\n",
            "| program | module | licence |\n|---|---|---|\n",
            *programs,
            "\n## Python packages\n\n",
            "| package | for | licence |\n|---|---|---|\n",
            *rows,
        ]
    )


def _packages() -> dict[str, tuple[str, str]]:
    """Use and licence by package: of what is installed on Linux. Raises ValueError for a version that no lock
    names."""
    found: dict[str, tuple[str, str]] = {}
    for use, lock in LOCKS.items():
        pins = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE)
        for name in dict(pins):
            try:
                package = metadata(name)
            except PackageNotFoundError:
                continue
            if (name, package["Version"]) not in pins:
                installed = f"{name} {package['Version']} is installed, and not what {lock} names"
                raise ValueError(f"{installed}: run .venv/bin/python -m pip install -r {lock}")
            found.setdefault(name, (use, _licence(package)))
    return found


def _licence(package: PackageMetadata) -> str:
    if expression := package.get("License-Expression"):
        return str(expression)
    classifiers = [
        classifier
        for classifier in package.get_all("Classifier") or ()
        if classifier.startswith("License ::")
    ]
    names = [one.rpartition(" :: ")[2] for one in classifiers if not one.endswith("OSI Approved")]
    text = str(package.get("License") or "").strip()
    return "; ".join(names) or (text.splitlines()[0] if text else "not stated by the package")


if __name__ == "__main__":
    OUT.write_text(page(), encoding="utf-8")
