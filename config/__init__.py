"""Settings: how they are checked, and how a command line makes them."""
