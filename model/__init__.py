"""The network, and the objectives that train it. It does not know batches, loops or files."""
