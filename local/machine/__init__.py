"""What the stack `local` uses of this machine: processes, ports, files, certificates."""
