"""Batches, optimiser, the one loop, logging, many runs at once, the command line."""
