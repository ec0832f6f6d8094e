"""``python -m rehearsal.google ENGINE``: a stand-in for the Google provider that previews and asks Google nothing.

A preview through it shows what the program declares, with every value that only the cloud knows as unknown. It does not
say whether Google would take it.
"""

from __future__ import annotations

import sys

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import main
from pulumi.runtime.rpc import UNKNOWN

VERSION = "10.2.0"
REFUSAL = "this stand-in for the Google provider makes nothing; it is for previews without credentials"


class StandIn(protocol.Provider):
    """Takes every resource as it is declared."""

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        return protocol.ConfigureResponse(supports_preview=True)

    async def check_config(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        return protocol.CheckResponse(request.new_inputs)

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        return protocol.CheckResponse(request.new_inputs)

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        if not request.preview:
            raise RuntimeError(REFUSAL)
        return protocol.CreateResponse("", request.properties)

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        """The one function that the program calls answers with an address, which is not known before there is one."""
        return protocol.InvokeResponse({"emailAddress": PropertyValue(UNKNOWN)})


if __name__ == "__main__":
    main(sys.argv[1:], VERSION, StandIn())
