"""Buckets and durable files. Nothing here knows what a snapshot is."""
