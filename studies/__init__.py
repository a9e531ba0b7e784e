"""Published tables and the seed's own claims, one sweep file each: which runs, and what was expected of them."""
