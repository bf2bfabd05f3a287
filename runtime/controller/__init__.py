"""The failover controller: probes the regions, decides which have failed, and flags them in its cluster."""
