"""The policy pack: checks the policies of `docs/policies.md` in previews and deployments.

The engine starts `__main__`, `make preview OFFLINE=1` uses `running`; both check `pack.POLICIES`. Each policy
is in the module of its subject, and is built with `writing`.
"""
