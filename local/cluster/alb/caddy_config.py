"""Caddy's configuration for load balancers (https://caddyserver.com/docs/json)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.cluster.alb.caddy import base_config
from local.cluster.alb.elb_api import Description, Listener, LoadBalancer, target_groups

Config = dict[str, Any]
Sign = Callable[[Sequence[str]], tuple[str, str]]
"""Returns a certificate for these names and its key, as PEM."""

IDLE, CONNECT = "60s", "10s"
"""Defaults of an ALB: the idle timeout, and the timeout for a connection to a target."""
UPGRADED_OPEN = "24h"
"""How long an upgraded connection (WebSocket) survives a change of rules."""
FIELDS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
"""Supported conditions of rules."""
URL_PARTS = {
    "Protocol": "{http.request.scheme}",
    "Host": "{http.request.host}",
    "Port": "{http.request.port}",
    "Path": "{http.request.uri.path}",
    "Query": "{http.request.uri.query}",
}
"""Parts of a request's URL, as `#{host}` in a redirect. Caddy's path includes the first slash."""


def configuration(
    balancers: Sequence[LoadBalancer], addresses: Mapping[str, str], admin: str, sign: Sign
) -> Config:
    """Serves each load balancer at its address. Raises ValueError for a rule that is not supported."""
    listeners = [(addresses[each.name], listener) for each in balancers for listener in each.listeners]
    signed = [sign(names) for names in dict.fromkeys(tuple(each.names) for _, each in listeners) if names]
    return {
        **base_config(admin),
        "apps": {
            "http": {"servers": {f"{at}:{each.port}": _server(at, each) for at, each in listeners}},
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


def _route(rule: Description) -> Config:
    matchers = dict(_matcher(rule, condition) for condition in rule.get("Conditions") or ())
    match = {"match": [matchers]} if matchers else {}
    return {**match, "handle": [_handler(rule)], "terminal": True}


def _matcher(rule: Description, condition: Description) -> tuple[str, Config]:
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


def _handler(rule: Description) -> Config:
    action = max(rule["Actions"], key=lambda action: action.get("Order") or 0)
    match action["Type"]:
        case "forward":
            groups = list(target_groups(rule))
            if len(groups) != 1:
                raise ValueError(f"rule {rule['RuleArn']}: must have 1 target group; got {len(groups)}")
            return _proxy(groups[0])
        case "redirect":
            redirect = action["RedirectConfig"]
            return _answer(redirect["StatusCode"].removeprefix("HTTP_"), {"Location": [_location(redirect)]})
        case "fixed-response":
            fixed = action["FixedResponseConfig"]
            headers = {"Content-Type": [fixed["ContentType"]]} if fixed.get("ContentType") else {}
            return _answer(fixed["StatusCode"], headers, fixed.get("MessageBody") or "")
    raise ValueError(
        f"rule {rule['RuleArn']}: action must be one of forward, redirect, fixed-response; got"
        f" {action['Type']}"
    )


def _location(redirect: Description) -> str:
    parts = {part: (redirect.get(part) or meaning) for part, meaning in URL_PARTS.items()}
    for part, meaning in URL_PARTS.items():
        slash = "/" if part == "Path" else ""
        parts = {key: text.replace(f"{slash}#{{{part.lower()}}}", meaning) for key, text in parts.items()}
    if parts["Protocol"] != URL_PARTS["Protocol"]:
        parts["Protocol"] = parts["Protocol"].lower()
    query = (
        "{http.request.uri.prefixed_query}" if parts["Query"] == URL_PARTS["Query"] else f"?{parts['Query']}"
    )
    return "{Protocol}://{Host}:{Port}{Path}".format_map(parts) + query


def _answer(status: str, headers: Mapping[str, Sequence[str]], body: str = "") -> Config:
    return {"handler": "static_response", "status_code": status, "headers": headers, "body": body}


def _proxy(group: str) -> Config:
    return {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {"source": "group", "name": group},
        "load_balancing": {"selection_policy": {"policy": "round_robin"}},
        # X-Forwarded-For of clients is passed on; X-Forwarded-Proto and -Port are replaced.
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
        "stream_close_delay": UPGRADED_OPEN,
        "transport": {
            "protocol": "http",
            "versions": ["1.1"],
            "dial_timeout": CONNECT,
            "response_header_timeout": IDLE,
            "read_timeout": IDLE,
            "write_timeout": IDLE,
        },
    }
