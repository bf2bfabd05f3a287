"""The offline target: a real Kubernetes control plane and an AWS emulator as processes of this machine.

`build` makes the cluster's programs from pinned Go modules, `processes` starts and stops daemons, `pki` makes
certificates and tokens, `control_plane` and `emulator` are the two services. `deploy` puts the program on
them, with the `pulumi` CLI (`pulumi_cli`) or with the engine in `embedded`.
Everything lives under one state folder, so several checkouts work side by side.
"""
