"""The forge: the service that keeps the repository (GitHub), where plans are shown and the lockfile is committed.

``client`` sends and tries again, ``faults`` says what went wrong, ``place`` is which repository with which credential,
``body`` is the text of what is posted; ``comment``, ``issue`` and ``commit`` are the three things that are done there.
Nothing here makes a plan, renders one, reads a manifest or knows a tuned model: it gets Markdown and bytes.
"""
