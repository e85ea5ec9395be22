"""Where a lockfile lives. Bytes with compare-and-swap, and the lockfile's JSON."""
