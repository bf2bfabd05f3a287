"""The Pulumi program: settings in, platform out."""

from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from components.platform import Platform
from components.stack_page import page
from engine.stack_file import load_stack_file
from plan.names import LOCAL
from settings import SettingsError, from_config
from settings.warnings import warnings_of


def main() -> None:
    stack = pulumi.get_stack()
    try:
        config = CONFIG.get()
        secrets = list(filter(is_config_secret, config))
        file = Path(__file__).with_name(f"Pulumi.{stack}.yaml")
        written = load_stack_file(file)[0] if secrets and file.exists() else {}
        settings = from_config(config, stack, secrets, written)
    except (SettingsError, ValueError) as error:
        raise pulumi.RunError(f"Pulumi.{stack}.yaml is invalid:\n{error}") from error
    if stack != LOCAL:  # The warnings are about an AWS account.
        for warning in warnings_of(settings):
            pulumi.log.warn(warning)
    outputs = Platform(settings, stack).outputs()
    for name, value in outputs.items():
        pulumi.export(name, value)
    template = Path(__file__).with_name("Pulumi.README.md").read_text(encoding="utf-8")
    known_outputs = pulumi.Output.all(**outputs)
    pulumi.export("readme", known_outputs.apply(lambda known: page(template, stack, settings, known)))


main()
