"""The Pulumi program: settings in, platform out."""

from pathlib import Path

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from components.platform import Platform
from components.stack_page import page
from plan.names import LOCAL
from settings import SettingsError, from_config
from settings.warnings import warnings_of


def main() -> None:
    stack = pulumi.get_stack()
    try:
        config = CONFIG.get()
        settings = from_config(config, stack, list(filter(is_config_secret, config)))
    except SettingsError as error:
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
