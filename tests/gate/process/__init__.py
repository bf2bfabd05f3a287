"""The gate as a process: what a pod's other containers, the kubelet and the controller see of it."""
