"""Training data: readers for each format, the checks, and the content digest.

No training row may leave this package but through ``examples``; messages name lines, never contents.
"""
