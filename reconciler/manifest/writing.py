"""New manifest files: made where nothing is, inside the project, and on the disk before anybody relies on them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from reconciler import confined
from reconciler.errors import TunectlError

__all__ = ["make_folder", "take_away", "take_folders_away", "write_new"]

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def make_folder(root: Path, folder: str) -> list[str]:
    """Make a folder inside the root, and those above it; return which were not there before.

    Raises:
        TunectlError: it leads out of the project, is a file, or cannot be made.
    """
    path, made = "", []
    for part in folder.split("/"):
        above, path = path, f"{path}/{part}".lstrip("/")
        descriptor = _open(root, above or ".")
        try:
            os.mkdir(part, dir_fd=descriptor)
            made.append(path)
        except FileExistsError:
            pass
        except OSError as error:
            raise TunectlError(f"{path}: cannot be made ({os.strerror(error.errno or 0)})") from error
        finally:
            os.close(descriptor)
    os.close(_open(root, folder))
    return made


def write_new(root: Path, folder: str, name: str, text: str) -> None:
    """Write a file that does not exist yet, and return when it will outlive a power cut.

    Raises:
        TunectlError: there is something of that name, which stays as it is, or it cannot be written.
    """
    path = name if folder in {"", "."} else f"{folder}/{name}"
    descriptor = _open(root, folder or ".")
    try:
        file = os.open(name, _FLAGS, 0o644, dir_fd=descriptor)
        with os.fdopen(file, "w", encoding="utf-8", newline="\n") as stream:
            try:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                os.unlink(name, dir_fd=descriptor)
                raise
        os.fsync(descriptor)
    except FileExistsError as error:
        raise TunectlError(f"{path}: is there already and was not overwritten", hint="choose another --dir") from error
    except OSError as error:
        raise TunectlError(f"{path}: cannot be written ({os.strerror(error.errno or 0)})") from error
    finally:
        os.close(descriptor)


def take_away(root: Path, folder: str, name: str) -> None:
    """Remove a file that this very run has written; that it is gone already is as well."""
    descriptor = _open(root, folder or ".")
    try:
        os.unlink(name, dir_fd=descriptor)
    except OSError:
        return
    finally:
        os.close(descriptor)


def take_folders_away(root: Path, folders: list[str]) -> None:
    """Remove folders that this very run has made, as far as nothing else stands in them by now."""
    for folder in reversed(folders):
        with suppress(OSError):
            (root / folder).rmdir()


def _open(root: Path, folder: str) -> int:
    try:
        return confined.open_folder(root, folder)
    except TunectlError as error:
        raise TunectlError(f"{folder}: {error.message}", hint=error.hint) from error
