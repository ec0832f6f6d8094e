"""What runs in the data centre: distributed TensorFlow training and model serving.

Needs neither Pulumi nor a cloud; ``python -m workloads --help`` is the whole of it on one machine.
"""
