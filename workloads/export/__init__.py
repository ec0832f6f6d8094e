"""From a finished training run to a released model."""
