"""Nodes of the local cluster: real ones, each in namespaces of its own, without a container engine."""
