"""The stack `local`: a real Kubernetes cluster and an AWS emulator as processes of this machine.

`build` makes the cluster's programs from pinned Go modules, `processes` starts and stops daemons, `services`
starts the cluster and the emulator, `pulumi` deploys with the real engine, `aws_provider` is the engine's
plugin for the emulator. Everything lives under one state folder, so several checkouts work side by side.
"""
