"""Protocols: what the engine needs from the world. Few and dumb; no implementation may live here."""
