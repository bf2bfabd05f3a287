"""What a drill observes: clusters, health checks, DNS, clients, Brains and their snapshots."""
