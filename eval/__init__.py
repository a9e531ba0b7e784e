"""Questions put to a trained model, the ways of answering them, and how answers are scored. Trains nothing."""
