"""Published tables and the project's own claims, one sweep file each: which runs, and what was expected of them."""
