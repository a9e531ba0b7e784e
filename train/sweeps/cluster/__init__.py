"""The engine that trains runs on Ray, on one machine or many. Only `connect.py` and `engine.py` know Ray."""
