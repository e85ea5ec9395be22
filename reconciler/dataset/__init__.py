"""Training data: readers for each format, the checks, and the content digest.

No training row may leave this package but through ``read_examples``; messages name lines, never contents.
"""

from reconciler.dataset.check import DatasetReport, check_dataset, read_examples
from reconciler.dataset.expected import check_expected
from reconciler.dataset.known import Known
from reconciler.dataset.shelf import RowShelf

__all__ = ["DatasetReport", "Known", "RowShelf", "check_dataset", "check_expected", "read_examples"]
