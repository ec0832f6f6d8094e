"""Sets up what the project needs and runs the engine with it.

Standard library only: it runs before anything is there.
"""
