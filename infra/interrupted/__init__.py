"""What an interrupted `up` left behind, and how a stack goes on from there."""
