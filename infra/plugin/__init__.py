"""What a provider plugin of this project is made of: resource types in plain values, served to the engine."""
