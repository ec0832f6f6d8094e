"""A review as people and machines read it: ``text`` for a terminal, ``markdown`` for a pull request, ``sarif``."""
