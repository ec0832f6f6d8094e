"""A small convolutional classifier of handwritten digits."""
