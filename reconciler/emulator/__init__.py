"""A second, independent reading of the published API, to develop and test against.

Must not import ``providers``: two readings that share code prove nothing. Its training is simulated, and it says so.
"""
