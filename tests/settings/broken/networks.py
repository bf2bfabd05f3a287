"""Openings of the network that are wider than they may be."""

from __future__ import annotations

import json

from tests.settings.broken.base import Broken
from tests.settings.edits import put

OPENINGS = [
    *(
        Broken(
            f"senders that are the internet, {cidr}",
            put("regions[0].ingressFrom", [cidr]),
            "regions[0].ingressFrom",
            f'["{cidr}"]',
            "must be the subnets of the load balancer, not the internet",
        )
        for cidr in ("0.0.0.0/0", "::/0", "64.0.0.0/2")
    ),
    *(
        Broken(
            f"an opening to a node's own services, {cidr}",
            put("network.extraEgress", [{"cidr": cidr, "port": 80}]),
            "network.extraEgress[0].cidr",
            json.dumps(cidr),
            "must have no link-local address (169.254.0.0/16, ",
        )
        for cidr in (
            "169.254.169.254/32",
            "169.254.0.0/17",
            "169.0.0.0/8",
            "fe80::/10",
            "fe80::1/128",
            "fd00:ec2::254/128",
            "fd00::/8",
            "::ffff:a9fe:a9fe/128",
            "64:ff9b::a9fe:a9fe/128",
            "64:ff9b:1::a9fe:a9fe/128",
            "2002:a9fe:a9fe::/48",
            "2001:0:102:304::5601:5601/128",
        )
    ),
    *(
        Broken(
            f"an opening of a part of the internet, {cidrs[0]} and {len(cidrs) - 1} more on port {port}",
            put("network.extraEgress", [{"cidr": cidr, "port": port} for cidr in cidrs]),
            "network.extraEgress",
            json.dumps(cidrs)[:20],
            f"must be at most 1/256 of all public addresses on a port; these are for port {port}",
        )
        for port, cidrs in (
            (443, ["0.0.0.0/0"]),
            (443, ["::/0"]),
            (8443, ["0.0.0.0/1", "128.0.0.0/1"]),
            (8443, ["0.0.0.0/2", "192.0.0.0/2"]),
            (25, [f"{number}.0.0.0/8" for number in range(0, 256, 2)]),
            (443, ["::/1", "8000::/1"]),
            (443, ["2000::/4"]),
            (443, ["2000::/5", "3000::/5"]),
            (443, ["8.0.0.0/6"]),
            (5432, ["52.0.0.0/7"]),
            (5432, ["2600::/7"]),
            (5432, ["52.0.0.0/8", "54.0.0.0/8"]),
            (80, ["168.0.0.0/6"]),
            (80, ["2001:0:a9fe:a9fe::/64"]),
            (22, ["2002:3400::/23"]),
            (22, ["64:ff9b::/96"]),
            (22, ["64:ff9b::/98", "128.0.0.0/2"]),
        )
    ),
]
