"""Enough of Cloud Storage for datasets to live in: buckets and objects of its JSON API, in the emulator's own store.

Written from the discovery document of storage v1 and the pages on uploads; must not import ``stores``.
"""
