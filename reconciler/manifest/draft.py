"""A valid document on its way to a model, and the problems it still turns out to have."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from reconciler import confined
from reconciler.errors import Location, Problem, TunectlError
from reconciler.manifest.document import TunedModelDocument
from reconciler.manifest.places import Places, spell
from reconciler.manifest.shape import Steps


@dataclass(frozen=True, slots=True)
class Draft:
    """A document whose values have the right types; whether they fit together is still to be seen."""

    model: TunedModelDocument
    places: Places
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, steps: Steps, message: str, hint: str | None = None) -> None:
        """Note what is wrong with the value that a path leads to."""
        self.problems.append(Problem(self.places.nearest(steps), f"{spell(steps)}: {message}", hint))

    def resolve(self, steps: Steps, text: str, place: Location | None = None) -> str:
        """Return a path relative to the project; it is written relative to the file it stands in, at ``place``."""
        folder = posixpath.dirname((place or self.places.nearest(steps)).file)
        try:
            return confined.resolve(folder, text)
        except TunectlError as error:
            self.refuse(steps, error.message, error.hint)
            return ""
