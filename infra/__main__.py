"""The Pulumi program."""

import sys

import pulumi

from infra import datacenter, settings

TOLD = 32
"""Exit status that tells the language host that the person has been told what is wrong."""

try:
    outputs = datacenter.build(settings.load())
except settings.SettingsError as error:
    pulumi.log.error(str(error))  # a mistake in a file is answered once, without a traceback
    sys.exit(TOLD)

for name, value in outputs.items():
    pulumi.export(name, value)
