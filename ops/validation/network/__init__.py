"""Connections that the network check tries: those that policies deny, and those that must be open."""
