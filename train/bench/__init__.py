"""The benchmark against transformers: a training step, and the time to a result."""
