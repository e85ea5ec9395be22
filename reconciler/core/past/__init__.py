"""The lineage as a whole: its records as text, the chain of their digests, and the history told from them."""
