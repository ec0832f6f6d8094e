"""The Google Cloud site: one component for each part of the data centre, from the network to a TPU."""
