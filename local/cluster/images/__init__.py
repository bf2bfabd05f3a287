"""Container images of the local cluster, made on this machine: there is no registry."""
