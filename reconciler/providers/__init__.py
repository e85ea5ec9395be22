"""The services that tune models, each behind ``ports.provider.Provider``.

``http`` holds the only retry policy of the package; ``registry`` is the only place that knows every provider.
"""
