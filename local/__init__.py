"""The stack `local`: a real Kubernetes cluster and an AWS emulator as processes of this machine.

`up/` deploys, `pulumi/` has the engine, `cluster/` the Kubernetes cluster, `aws/` the emulator and its Pulumi
provider. `programs/` builds the cluster's programs from the Go modules in `go/`, `machine/` has processes,
ports and files. One state folder holds everything, so several checkouts work side by side.
"""
