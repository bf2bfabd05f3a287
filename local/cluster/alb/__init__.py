"""The data plane of the local cluster's Application Load Balancers.

The AWS Load Balancer Controller creates load balancers in the emulator. `lifecycle` starts one process a
region, `serve`, in namespaces of its own. `elb_api` reads the emulator, `addresses` stores addresses,
`health` checks targets, `caddy_config` translates to Caddy's configuration, `caddy` runs Caddy, `service`
keeps all of them up to date.
"""
