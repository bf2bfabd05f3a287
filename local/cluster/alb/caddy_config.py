"""Load balancers in Caddy's terms (https://caddyserver.com/docs/json)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.cluster.alb.caddy import basis
from local.cluster.alb.elb_api import Balancer, Described, Listener, used

Config = dict[str, Any]
Sign = Callable[[Sequence[str]], tuple[str, str]]
"""From names to a certificate for them and its key, as PEM."""

IDLE, CONNECT = "60s", "10s"
"""The defaults of an ALB: without a byte from either side, and for a connection to a target."""
KEPT_OPEN = "24h"
"""How long a connection that was upgraded outlives a change of rules."""
FIELDS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
"""The conditions of rules that are understood."""
PARTS = {
    "Protocol": "{http.request.scheme}",
    "Host": "{http.request.host}",
    "Port": "{http.request.port}",
    "Path": "{http.request.uri.path}",
    "Query": "{http.request.uri.query}",
}
"""Of a request's URL; `#{host}` in a redirect stands for one. A path is taken with its first slash."""


def configuration(
    balancers: Sequence[Balancer], addresses: Mapping[str, str], admin: str, sign: Sign
) -> Config:
    """All of them, each at its address. Raises ValueError for a rule that is not understood."""
    listeners = [(addresses[one.name], each) for one in balancers for each in one.listeners]
    signed = [sign(names) for names in dict.fromkeys(tuple(one.names) for _, one in listeners) if names]
    return {
        **basis(admin),
        "apps": {
            "http": {"servers": {f"{at}:{one.port}": _server(at, one) for at, one in listeners}},
            "tls": {
                "certificates": {"load_pem": [{"certificate": pem, "key": key} for pem, key in signed]},
                "disable_ocsp_stapling": True,
                "disable_storage_check": True,
                "disable_storage_clean": True,
            },
        },
    }


def _server(address: str, listener: Listener) -> Config:
    server: Config = {
        "listen": [f"{address}:{listener.port}"],
        "routes": [_route(rule) for rule in listener.rules],
        "automatic_https": {"disable": True},
        "protocols": ["h1"],
        "idle_timeout": IDLE,
        "read_header_timeout": IDLE,
    }
    if listener.names:
        first = listener.names[0]
        server["tls_connection_policies"] = [{"default_sni": first, "fallback_sni": first}]
        server["protocols"] = ["h1", "h2"]
    return server


def _route(rule: Described) -> Config:
    matchers = dict(_matcher(rule, one) for one in rule.get("Conditions") or ())
    match = {"match": [matchers]} if matchers else {}
    return {**match, "handle": [_handler(rule)], "terminal": True}


def _matcher(rule: Described, condition: Described) -> tuple[str, Config]:
    field = condition["Field"]
    if field not in FIELDS:
        raise ValueError(f"rule {rule['RuleArn']}: condition must be one of {', '.join(FIELDS)}; got {field}")
    values = (condition.get(FIELDS[field]) or condition)["Values"]
    pattern = "|".join(map(_glob, values))
    if field == "host-header":
        return "header_regexp", {"Host": {"pattern": rf"(?i)^(?:{pattern})(?::\d+)?$"}}
    return "vars_regexp", {"{http.request.uri.path}": {"pattern": f"^(?:{pattern})$"}}


def _glob(text: str) -> str:
    """`*` stands for any text, `?` for one character."""
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def _handler(rule: Described) -> Config:
    action = max(rule["Actions"], key=lambda one: one.get("Order") or 0)
    match action["Type"]:
        case "forward":
            groups = list(used(rule))
            if len(groups) != 1:
                raise ValueError(f"rule {rule['RuleArn']}: target groups must be one; got {len(groups)}")
            return _proxy(groups[0])
        case "redirect":
            told = action["RedirectConfig"]
            return _answer(told["StatusCode"].removeprefix("HTTP_"), {"Location": [_location(told)]})
        case "fixed-response":
            told = action["FixedResponseConfig"]
            headers = {"Content-Type": [told["ContentType"]]} if told.get("ContentType") else {}
            return _answer(told["StatusCode"], headers, told.get("MessageBody") or "")
    raise ValueError(
        f"rule {rule['RuleArn']}: action must be one of forward, redirect, fixed-response; got"
        f" {action['Type']}"
    )


def _location(told: Described) -> str:
    parts = {part: (told.get(part) or meaning) for part, meaning in PARTS.items()}
    for part, meaning in PARTS.items():
        slash = "/" if part == "Path" else ""
        parts = {key: text.replace(f"{slash}#{{{part.lower()}}}", meaning) for key, text in parts.items()}
    if parts["Protocol"] != PARTS["Protocol"]:
        parts["Protocol"] = parts["Protocol"].lower()
    query = "{http.request.uri.prefixed_query}" if parts["Query"] == PARTS["Query"] else f"?{parts['Query']}"
    return "{Protocol}://{Host}:{Port}{Path}".format_map(parts) + query


def _answer(status: str, headers: Mapping[str, Sequence[str]], body: str = "") -> Config:
    return {"handler": "static_response", "status_code": status, "headers": headers, "body": body}


def _proxy(group: str) -> Config:
    return {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {"source": "group", "name": group},
        "load_balancing": {"selection_policy": {"policy": "round_robin"}},
        # What clients say of those before them is passed on, but for the protocol.
        "trusted_proxies": ["0.0.0.0/0"],
        "headers": {
            "request": {
                "set": {
                    "X-Forwarded-Proto": ["{http.request.scheme}"],
                    "X-Forwarded-Port": ["{http.request.port}"],
                }
            }
        },
        "flush_interval": "10ms",
        "stream_close_delay": KEPT_OPEN,
        "transport": {
            "protocol": "http",
            "versions": ["1.1"],
            "dial_timeout": CONNECT,
            "response_header_timeout": IDLE,
            "read_timeout": IDLE,
            "write_timeout": IDLE,
        },
    }
