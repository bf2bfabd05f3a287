"""The Pulumi provider `aws` of the stack `local`: AWS resources in the emulator on this machine."""
