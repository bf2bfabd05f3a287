"""The data plane of the local cluster's Application Load Balancers.

The AWS Load Balancer Controller creates load balancers in the emulator. One process a region gives them
addresses and serves them. `lifecycle` starts the processes, `launch` enters new namespaces and starts `serve`
there. `elb_api` reads the emulator, `health` checks targets, `caddy_config` translates to Caddy's
configuration, `caddy` runs Caddy, `service` keeps all of them up to date.
"""
