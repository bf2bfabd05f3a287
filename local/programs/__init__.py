"""Go programs of the stack `local`, built from the pinned modules in `local/go`."""
