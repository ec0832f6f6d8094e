"""This machine as a site: the embedded default, with no cloud at all."""
