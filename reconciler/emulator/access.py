"""Who calls, and what other people do meanwhile: credentials, and models that somebody else holds or deletes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.catalogue import BASES
from reconciler.emulator.problems import ApiError
from reconciler.emulator.query import System
from reconciler.emulator.records import Model
from reconciler.emulator.schema import V1BETA
from reconciler.emulator.world import ACCOUNT, STRANGER, Settings, World

_EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential."
    " See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_QUOTA_PROJECT = (
    "Your application is authenticating by using local Application Default Credentials. The"
    " {service} API requires a quota project, which is not set by default. To learn how to set"
    " your quota project, see https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds ."
)
SERVICE = "generativelanguage.googleapis.com"

_DELETABLE = re.compile(r"/tunedModels/([^/:]+)|/(projects/[^/]+/locations/[^/]+/(?:models|endpoints)/[^/:@]+)")

REFUSALS = (403, 409)
"""What a create of an id that somebody else holds may meet; the first unless said otherwise."""


def account(settings: Settings, environ: Mapping[str, Any], system: System, service: str = SERVICE) -> str:
    """Return whose credentials a request carries; without any, and where none are required, the one default account.

    ``service`` is the one that was asked, which error answers name.

    Raises:
        ApiError: UNAUTHENTICATED, INVALID_ARGUMENT (a bad API key is that) or PERMISSION_DENIED (no quota project).
    """
    scheme, _, bearer = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    bearer = bearer.strip() if scheme.lower() == "bearer" else system.token
    if bearer:
        if settings.require_quota_project and not environ.get("HTTP_X_GOOG_USER_PROJECT"):
            said = _QUOTA_PROJECT.format(service=service)
            raise ApiError("PERMISSION_DENIED", said, details=(_info("SERVICE_DISABLED", service),))
        return _known(settings, bearer) or _refuse_token(service)
    key = environ.get("HTTP_X_GOOG_API_KEY") or system.key
    if key:
        return _known(settings, key) or _refuse_key(service)
    if settings.require_auth:
        said = f"Request is missing required authentication credential. {_EXPECTED}"
        challenge = ("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/"')
        raise ApiError("UNAUTHENTICATED", said, details=(_info("CREDENTIALS_MISSING", service),), headers=(challenge,))
    return ACCOUNT


def occupy(world: World, model_id: str, *, refusal: int = 403, visible: bool = False) -> None:
    """Let somebody else hold an id. The default account may read a ``visible`` model, and see it listed."""
    base = BASES[0]
    with world.store.writing():
        if world.store.find(model_id) is not None:
            return
        model = Model(
            id=model_id,
            owner=STRANGER,
            created=world.now(),
            version=V1BETA,
            fields={"baseModel": base.name, "displayName": "somebody else's"},
            refusal=refusal,
            frozen={"state": "ACTIVE"},
        )
        added = world.store.add(model)
        world.store.grant(added.seq, type="USER", email=STRANGER, role="OWNER")
        if visible:
            world.store.grant(added.seq, type="USER", email=ACCOUNT, role="READER")


def remove(world: World, model_id: str) -> bool:
    """Let somebody delete a model behind everybody's back; False if there is none.

    What is of Vertex AI goes by its resource name, ``projects/…``.
    """
    if model_id.startswith("projects/"):
        from reconciler.emulator.vertex.lifecycle import lose  # noqa: PLC0415 - most worlds do without

        return lose(world, model_id)
    with world.store.writing():
        model = world.store.find(model_id)
        if model is not None:
            world.store.remove(model.seq)
    return model is not None


def vanish(world: World, path: str) -> None:
    """Delete the model or endpoint a path names, if it names one."""
    match = _DELETABLE.search(path)
    if match is not None:
        remove(world, match[1] or match[2])


def _known(settings: Settings, credential: str) -> str | None:
    """Return whose a credential is; where no accounts are set, anything stands for the default one."""
    if not settings.accounts:
        return ACCOUNT
    return settings.accounts.get(credential) or (None if settings.require_auth else ACCOUNT)


def _refuse_token(service: str) -> str:
    said = f"Request had invalid authentication credentials. {_EXPECTED}"
    raise ApiError("UNAUTHENTICATED", said, details=(_info("ACCESS_TOKEN_EXPIRED", service),))


def _refuse_key(service: str) -> str:
    raise ApiError(
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        details=(_info("API_KEY_INVALID", service),),
    )


def _info(reason: str, service: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service},
    }
