"""The data centre: what `pulumi up` declares."""
