"""Evaluation of a trained model: its questions, the methods of answering them, and metrics. Trains nothing."""
