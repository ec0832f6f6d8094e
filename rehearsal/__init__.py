"""Google Cloud stacks on the real engine with no cloud and no credentials.

plugins:  stand-ins that are put on the engine's path in place of the vendor's.
google:   the stand-in for the Google provider. It previews, and makes nothing.

The program under ``infra`` knows nothing of this package, and this package nothing of it.
"""
