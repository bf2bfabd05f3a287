"""The policy pack: what `docs/policies.md` lists, checked on what a preview or a deployment registers.

The engine starts `__main__`, `make preview OFFLINE=1` uses `running`; both check `pack.POLICIES`. Each policy
is in the module of its subject, and is written with `writing`.
"""
