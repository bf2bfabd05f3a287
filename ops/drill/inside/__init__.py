"""Programs that a drill runs inside a pod, in the container `gate`: Python's standard library alone."""
