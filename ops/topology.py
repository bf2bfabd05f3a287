"""`python -m ops topology`: draw a stack: clients, DNS, regions and their roles, clusters, companies, their
volumes, and S3 replication.

D2 (https://d2lang.com) lays it out; it is built from its Go module on first use. Writes `<stack>.svg` and a
self-contained `<stack>.html`.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from ops import local_target
from ops.errors import DONE, FAILED, OperatorError
from ops.stack import add_arguments as add_stack_arguments
from ops.stack import load
from ops.terminal import say
from settings import ClusterPlan, Company, Region, Settings, clusters_of
from settings.models import Manager
from settings.routes import accelerators_of

WIDEST = 5
"""Companies per row, and those that an accelerator names."""
HEAD = """\
direction: down
vars: {d2-config: {layout-engine: elk; pad: 24; theme-id: 0}}
classes: {
  active: {label.near: top-left; style: {fill: "#dcfce7"; stroke: "#15803d"; border-radius: 8}}
  passive: {
    label.near: top-left
    style: {fill: "#f3f4f6"; stroke: "#6b7280"; stroke-dash: 4; border-radius: 8}
  }
  cluster: {label.near: top-left; style: {fill: "#ffffff"; stroke: "#94a3b8"; border-radius: 6}}
  rules: {style: {fill: "#ffffff"; stroke: "#94a3b8"; border-radius: 6}}
  companies: {label: ""; style: {fill: transparent; stroke: transparent}}
  company: {style: {fill: "#eff6ff"; stroke: "#60a5fa"; border-radius: 6; font-size: 14}}
  standby: {style: {stroke-dash: 4}}
  copies: {style: {stroke: "#b45309"; stroke-dash: 3}}
}
"""
PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; font: 15px/1.5 system-ui, sans-serif; color: #111827; background: #ffffff }}
  header {{ padding: 12px 20px; border-bottom: 1px solid #e5e7eb; background: #ffffff }}
  label {{ cursor: pointer; text-decoration: underline }}
  h1 {{ font-size: 18px; margin: 0; display: inline-block; margin-right: 20px }}
  main {{ padding: 20px; overflow: auto }}
  main > svg {{ display: block; margin: 0 auto; height: auto; max-width: 100% }}
  #whole:checked ~ main > svg {{ max-width: none }}
</style>
<input type="checkbox" id="whole" hidden>
<header><h1>{title}</h1><label for="whole">fit to the window, or full size</label></header>
<main>{picture}</main>
</html>
"""


MANAGERS = {
    Manager.ROUTE53: "Route53",
    Manager.EXTERNAL_DNS: "external-dns",
    Manager.GLOBAL_ACCELERATOR: "Route53",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_stack_arguments(command)
    command.add_argument("--out", type=Path, default=Path("topology"), help="folder (default: topology)")


def run(arguments: argparse.Namespace) -> int:
    stack = load(arguments)
    svg = picture(source(stack.settings))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for suffix, text in (("svg", svg), ("html", page(f"Stack {stack.name}", svg))):
        file = arguments.out / f"{stack.name}.{suffix}"
        file.write_text(text, encoding="utf-8")
        say(str(file))
    return DONE


def picture(text: str) -> str:
    """The SVG of a D2 source. Raises OperatorError with D2's message."""
    done = subprocess.run([local_target.program("d2"), "-", "-"], input=text.encode(), capture_output=True)
    if done.returncode != 0:
        raise OperatorError(f"d2 did not draw the stack: {done.stderr.decode().strip()}", FAILED)
    return done.stdout.decode()


def page(title: str, svg: str) -> str:
    drawing = svg[svg.index("<svg") :]
    return PAGE.format(title=escape(title), picture=drawing)


def source(settings: Settings) -> str:
    """The stack in D2's language."""
    return HEAD + "\n".join(_lines(settings)) + "\n"


def _lines(settings: Settings) -> Iterator[str]:
    routing = settings.load_balancing
    manager = MANAGERS[routing.manager]
    yield "clients: Clients {shape: cloud}"
    names = _text(f"{manager}: <company>.{settings.domain}", f"policy {routing.policy.value}")
    yield f"dns: {names} {{shape: hexagon}}"
    yield "clients -> dns"
    yield from _accelerators(settings)
    clusters = {region.name: plan for plan in clusters_of(settings) for region in plan.regions}
    for region in settings.regions:
        yield from _region(settings, region, clusters[region.name])
        if routing.manager is not Manager.GLOBAL_ACCELERATOR:
            yield f"dns -> {_key(region)}.edge{'' if region.active else ' {class: standby}'}"
    if settings.replication.enabled and len(settings.regions) > 1:
        yield from _replication(settings)


def _accelerators(settings: Settings) -> Iterator[str]:
    """Each accelerator, with a line to each load balancer that it sends clients to."""
    plans = accelerators_of(settings)
    if plans:
        yield 'accelerators: "Global Accelerator"'
    for plan in plans:
        key = f"accelerators.{json.dumps(plan.label)}"
        yield f"{key}: {_text(f'accelerator {plan.label}', _some(plan.companies))} {{shape: hexagon}}"
        yield f"dns -> {key}"
        for region in plan.regions:
            yield f"{key} -> {json.dumps(region)}.edge"


def _region(settings: Settings, region: Region, cluster: ClusterPlan) -> Iterator[str]:
    role = "active" if region.active else "passive"
    weight = f", weight {region.weight}" if settings.load_balancing.policy.value == "weighted" else ""
    here = [company for company in settings.companies if region in settings.regions_of(company)]
    yield f"{_key(region)}: {_text(f'{region.name} ({role}{weight})')} {{"
    yield f"  class: {role}"
    yield f"  edge: {_text(_edges(settings, region, here))}"
    yield f"  cluster: {_text(_cluster(cluster))} {{"
    yield "    class: cluster"
    if settings.failover_enabled:
        yield '    controller: "failover controller"'
        yield "    controller -> companies: {class: standby}"
    columns = max(1, min(WIDEST, math.ceil(math.sqrt(len(here) / 2))))
    rows = max(1, math.ceil(len(here) / columns))
    yield f"    companies: {{class: companies; grid-rows: {rows}; grid-columns: {columns}; grid-gap: 8}}"
    for company in here:
        label = _text(company.namespace, f"agent {company.agent.storage}, brain {company.brain.storage}")
        yield f"    companies.{json.dumps(company.namespace)}: {label} {{class: company}}"
    yield "  }"
    yield "  edge -> cluster.companies"
    if settings.replication.enabled:
        yield '  bucket: "S3: copies" {shape: cylinder}'
        yield "  cluster.companies -> bucket: {class: copies}"
    yield "}"


def _replication(settings: Settings) -> Iterator[str]:
    """A node for all rules, with a line for each, unless every bucket replicates to every other."""
    names = [region.name for region in settings.regions]
    targets = {
        region.name: [name for name in (region.replicate_to or names) if name != region.name]
        for region in settings.regions
        if region.replicate_to is None or region.replicate_to
    }
    complete = all(len(targets.get(name, ())) == len(names) - 1 for name in names)
    rules = [f"{name} to {', '.join(others)}" for name, others in targets.items()]
    labels = ["each bucket to all others"] if complete else rules
    yield f"replication: {_text('S3 replication', *labels)} {{class: rules}}"
    receiving = {name for others in targets.values() for name in others}
    for region in settings.regions:
        gives, takes = region.name in targets, region.name in receiving
        if gives or takes:
            arrow = "<->" if gives and takes else "->" if gives else "<-"
            yield f"{_key(region)}.bucket {arrow} replication: {{class: copies}}"


def _edges(settings: Settings, region: Region, companies: list[Company]) -> str:
    if region.endpoint:
        return region.endpoint
    count = len({company.edge for company in companies}) or 1
    return "load balancer" if count == 1 else f"{count} load balancers"


def _cluster(plan: ClusterPlan) -> str:
    name = plan.eks or plan.context
    kind = "EKS" if plan.eks else "context"
    shared = ", shared" if len(plan.regions) > 1 else ""
    return f"{kind} {name}{shared}" if name else f"the ambient kubeconfig's cluster{shared}"


def _some(names: Sequence[str]) -> str:
    """The first names, and how many others there are."""
    others = f" and {len(names) - WIDEST} more" if len(names) > WIDEST else ""
    return ", ".join(names[:WIDEST]) + others


def _key(region: Region) -> str:
    return json.dumps(region.name)


def _text(*lines: str) -> str:
    """A label. D2 reads JSON's strings, and `\\n` in them as a new line."""
    return json.dumps("\n".join(lines), ensure_ascii=False).replace("$", "\\$")
