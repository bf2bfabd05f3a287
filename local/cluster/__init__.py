"""The Kubernetes cluster of the stack `local`: control plane, nodes, network and load balancers."""
