"""Where a change came from: the commit of the manifests, and who or which CI run applied it. Only the value lives here.

Nothing in it is a credential; who is named is up to the user.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of the origin of a change; None where it is not.

    ``commit`` is the git commit of the project's folder, ``clean`` whether its files were those of that commit (the
    lockfile and the log beside it apart). ``actor`` is a user name, ``run`` the address of a CI run.
    """

    commit: str | None = None
    clean: bool | None = None
    actor: str | None = None
    run: str | None = None
