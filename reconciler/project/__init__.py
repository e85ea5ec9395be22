"""A project as it lies on disk: its manifests and data, their past, who works on it, what gates kept."""
