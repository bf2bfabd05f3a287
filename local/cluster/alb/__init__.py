"""The data plane of the local cluster's Application Load Balancers.

The AWS Load Balancer Controller creates load balancers in the emulator. `lifecycle` starts `serve`, one process
a region in namespaces of its own, which gives the load balancers addresses and serves them: `elb_api` reads the
emulator, `health` checks targets, `caddy_config` translates to Caddy's configuration, `caddy` runs Caddy,
`service` keeps all of them up to date.
"""
