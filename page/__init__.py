"""One HTML file in which trained models run, without a server: `python -m page`."""
