"""The policy pack: what `docs/policies.md` lists, checked on what a preview registers.

`pulumi preview --policy-pack policy` starts `__main__`, `make preview` uses `running`; both run
`pack.POLICIES`. A policy stands in the module of what it is about, and is written with `writing`.
"""
