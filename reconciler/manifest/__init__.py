"""What the user wrote: project file and manifests, from YAML text to desired models, each value with its place.

The only reader of manifest paths. Datasets are named here but read in ``dataset``.
"""
