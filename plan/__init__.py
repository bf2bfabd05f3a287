"""What a stack amounts to, as plain values: names, AWS's limits, the DNS records, what external-dns is told.

Nothing here imports Pulumi or does I/O: every function is pure, and is tested without mocks.
"""
