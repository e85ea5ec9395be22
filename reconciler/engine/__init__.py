"""Carries plans out: looks, previews, applies, waits, records.

Speaks to the world through ``ports`` only. No HTTP, YAML, terminal or file may be touched here.
"""

PARALLEL_READS = 10
"""How many reads are under way at once."""
