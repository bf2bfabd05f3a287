"""Names, AWS limits, IAM documents, DNS records and priorities, computed from plain values.

`plan` imports neither `settings` nor Pulumi and does no I/O. `settings` uses it to check a stack file, and
converts its models to these values (`settings.routes`); `components` creates what it computes.
"""
