"""The acting half of the controller, as processes against a real API server and pretended workloads."""
