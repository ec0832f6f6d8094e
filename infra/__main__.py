"""The Pulumi program."""

import pulumi

from infra import datacenter, settings

try:
    outputs = datacenter.build(settings.load())
except settings.SettingsError as error:
    raise pulumi.RunError(str(error)) from None  # a mistake in a file is answered without a traceback

for name, value in outputs.items():
    pulumi.export(name, value)
