"""The load balancers of a region on a local cluster: what AWS runs for an Application Load Balancer.

The AWS Load Balancer Controller makes load balancers in the emulator; here they get addresses and answer.
`cluster` starts a process for each region, `__main__` makes its namespaces and starts `inside` there.
`reading` reads the emulator, `health` checks targets, `config` says it in Caddy's terms, `proxy` runs Caddy,
`service` keeps all of them going.
"""
