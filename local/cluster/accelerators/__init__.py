"""The data plane of AWS Global Accelerator's accelerators in the emulator, and of the Network Load Balancers
that are their endpoints.

`lifecycle` starts one process, `serve`, in namespaces of its own. There the kernel's packet filter passes
each new connection on to a region's Application Load Balancer; open connections stay where they are. `api`
reads the emulator, `fronts` judges the Network Load Balancers, `routes` decides where connections go,
`packet_filter` writes the kernel's rules, `addresses` stores the accelerators' addresses, `service` keeps all
of them up to date.

Every client is nearest to the region whose name is first in the alphabet.
"""
