"""Kills, damaged files and full disks at random moments: `make chaos`."""
