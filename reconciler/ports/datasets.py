"""Training data and the examples of gates, read again at the moment they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reconciler.core.resource import Example


class Datasets(Protocol):
    """Gives the examples of a manifest's dataset, by manifest name."""

    def examples(self, name: str) -> Sequence[Example]:
        """Return the examples that the plan was made of.

        Raises:
            StalePlan: the dataset's content changed since.
            ProblemsError: it cannot be read any more.
        """
        ...

    def validation(self, name: str) -> Sequence[Example]:
        """Return the examples of a manifest's ``dataset.validation``, none if it names none.

        Raises:
            ProblemsError: they cannot be read any more.
        """
        ...

    def objects(self, name: str) -> tuple[str | None, str | None]:
        """Return the URIs of training and validation data that a manifest names in place of files.

        Of data that is named by its URI there are no examples.

        Raises:
            StalePlan: the training data changed since the plan was made.
            ProblemsError: it is not there any more.
        """
        ...

    def evaluation(self, name: str) -> Sequence[Example]:
        """Return the examples of a manifest's ``gate.dataset``; raises as ``examples`` does."""
        ...
