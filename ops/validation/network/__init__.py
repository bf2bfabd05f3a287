"""What the network check tries: connections that the policies deny, and those that must be open."""
