"""The AWS account of the stack `local`: an emulator (moto) and a Pulumi provider for the emulator."""
