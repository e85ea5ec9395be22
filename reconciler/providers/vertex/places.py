"""Where things are: jobs and models in a project and location, data in Cloud Storage. Pure, and light on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from reconciler.providers.settings import ProviderSettings

__all__ = ["EMBEDDED_STAGING", "Place", "bucket_of", "home_of", "object_path", "staged_uri"]


@dataclass(frozen=True, slots=True)
class Place:
    """A project and a location of Vertex AI; a part that is empty is not known."""

    project: str = ""
    location: str = ""

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"

    def excludes(self, other: Place) -> bool:
        """Tell whether the other is certainly elsewhere. A project goes by its id and by its number as well."""
        if self.location and other.location and self.location != other.location:
            return True
        named = self.project and other.project and self.project.isdigit() is other.project.isdigit()
        return bool(named) and self.project != other.project


_EMBEDDED: Final = Place("emulator", "us-central1")

EMBEDDED_STAGING: Final = "gs://emulator/tunectl"
"""Where datasets go where the project names no place and the emulator in our own process is asked."""
_HEAD: Final = "gs://"


def home_of(settings: ProviderSettings) -> Place:
    """Return where a project's tunings are; the emulator in our own process has a place for who names none."""
    usual = _EMBEDDED if settings.embedded else Place()
    return Place(settings.project or usual.project, settings.location or usual.location)


def staged_uri(place: str, digest: str) -> str:
    """Return where the dataset of a digest goes below a place such as ``gs://bucket/prefix``.

    The digest is of the examples, and the bytes of the file follow from them: one digest, one name, one content.
    """
    bucket, _, prefix = place.removeprefix(_HEAD).partition("/")
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{_HEAD}{bucket}/{folder}{digest.removeprefix('sha256:')}.jsonl"


def bucket_of(uri: str) -> str:
    """Return the bucket of a URI."""
    return uri.removeprefix(_HEAD).partition("/")[0]


def object_path(uri: str) -> str:
    """Return the path of an object in the JSON API of Cloud Storage."""
    bucket, _, name = uri.removeprefix(_HEAD).partition("/")
    return f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
