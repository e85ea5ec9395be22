"""The pure centre: frozen values and functions over them.

The values everything is about lie here; what is decided about them has rooms: `planning`, `past`, `upkeep`, `showing`.

What may not live here: I/O, clocks, randomness, environment, logging, any third-party library but deepdiff (imported
where it is used). Everything is testable with a table. import-linter enforces it.
"""
