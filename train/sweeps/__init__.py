"""Many runs: trained side by side, then compared."""
