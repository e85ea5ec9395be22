"""What doctor looks at: one function a check, each telling one finding and, if it is a bad one, what mends it.

Nothing here prints, and nothing that is found holds a credential.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from reconciler.core.text import clip, sanitize
from reconciler.errors import AuthenticationFailed, PermissionDenied, ProblemsError, TunectlError

if TYPE_CHECKING:
    from reconciler.cli.invocation import Invocation
    from reconciler.core.observation import Observation
    from reconciler.ports.provider import Provider
    from reconciler.wiring import Session

_OLDEST = (3, 11)
_NAMED = 5
_GIT_SECONDS = 10.0
_IGNORED, _NOT_IGNORED = 0, 1
_OWN = ".tunectl/"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    ``mend`` is the command or step that mends what failed; ``denied`` says that permission is what is missing.
    """

    check: str
    state: Literal["ok", "fail", "skipped"]
    text: str
    mend: str | None = None
    denied: bool = False


@dataclass(slots=True)
class Patient:
    """What the checks look at, and what earlier ones learned for later ones."""

    invocation: Invocation
    session: Session
    provider: Provider | None = None
    listed: Sequence[Observation] | None = None
    refusal: TunectlError | None = None
    quota_project: str | None = None
    signed_with: Literal["nothing", "token", "key", "default"] = field(default="nothing")
    bases: frozenset[str] = frozenset()


def examine(invocation: Invocation) -> Iterator[Finding]:
    """Yield every finding, in the order in which a newcomer should mend them."""
    yield python()
    try:
        session = invocation.session()
    except ProblemsError as error:
        yield _failed("project", error)
        yield from (Finding(check, "skipped", "the project file comes first") for check in CHECKS)
        return
    with session:
        file = session.config.file
        yield Finding(
            "project", "ok", f"{session.config.name}, {sanitize(file) if file else 'no tunectl.yaml: all defaults'}"
        )
        patient = Patient(invocation, session)
        for name, look in CHECKS.items():
            yield look(name, patient)


def python() -> Finding:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST:
        return Finding("python", "fail", f"{version}; tunectl needs 3.11 or newer", "install a newer Python")
    return Finding("python", "ok", version)


def _manifests(check: str, patient: Patient) -> Finding:
    try:
        manifests = patient.session.manifests(offline=True)
    except TunectlError as error:
        return _failed(check, error, mend="tunectl validate")
    patient.bases = frozenset(str(each.spec["baseModel"]) for each in manifests.desired if "baseModel" in each.spec)
    examples = sum(each.dataset.examples for each in manifests.desired if each.dataset is not None)
    text = f"{_count(len(manifests.desired), 'manifest')}, {_count(examples, 'example')}"
    if manifests.warnings:
        text += f", {_count(len(manifests.warnings), 'warning')} (tunectl validate shows them)"
    return Finding(check, "ok", text)


def _lockfile(check: str, patient: Patient) -> Finding:
    try:
        store = patient.session.store()
        lockfile = store.load().lockfile
    except TunectlError as error:
        return _failed(check, error)
    where = sanitize(store.address)
    if not lockfile.serial:
        return Finding(check, "ok", f"{where} does not exist yet; the first apply writes it")
    return Finding(check, "ok", f"{where}, serial {lockfile.serial}, {_count(len(lockfile.models), 'model')}")


def _ignored(check: str, patient: Patient) -> Finding:
    git = shutil.which("git")
    if git is None:
        return Finding(check, "skipped", "git is not installed")
    try:
        # --no-index: what is ignored is asked of the patterns alone, so that no hook of the repository runs.
        code = subprocess.run(  # noqa: S603  a fixed command line
            [git, "-C", str(patient.session.config.root), "check-ignore", "--quiet", "--no-index", _OWN],
            check=False,
            capture_output=True,
            timeout=_GIT_SECONDS,
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return Finding(check, "skipped", "git gave no answer")
    if code == _IGNORED:
        return Finding(check, "ok", f"git ignores {_OWN}")
    if code != _NOT_IGNORED:
        return Finding(check, "skipped", "this is no git repository")
    return Finding(
        check, "fail", f"{_OWN} holds caches and backups, and git does not ignore it", f"echo {_OWN} >> .gitignore"
    )


def _credentials(check: str, patient: Patient) -> Finding:
    """Find out which credentials are used; that the service takes them is the next check's to say."""
    environ, endpoint = patient.invocation.environ, patient.session.config.provider.endpoint
    if patient.session.embedded:
        return Finding(check, "skipped", "the embedded emulator asks for none")
    if environ.get("TUNECTL_ACCESS_TOKEN"):
        patient.signed_with = "token"
        return Finding(check, "ok", "a bearer token, from TUNECTL_ACCESS_TOKEN")
    if environ.get("TUNECTL_API_KEY") and patient.session.description.api_keys:
        patient.signed_with = "key"
        return Finding(check, "ok", "an API key, from TUNECTL_API_KEY")
    if not patient.session.description.scopes:
        return Finding(check, "skipped", f"{sanitize(patient.session.config.provider.type)} takes none of Google's")
    if urlsplit(endpoint).scheme == "http":
        return Finding(check, "skipped", "none set, and this machine may ask for none")
    return _default_credentials(check, patient)


def _default_credentials(check: str, patient: Patient) -> Finding:
    from reconciler.providers.adc import load_default_credentials

    known = patient.session.description
    mend = f"{known.login} ; or set TUNECTL_ACCESS_TOKEN{' or TUNECTL_API_KEY' if known.api_keys else ''}"
    try:
        found = load_default_credentials(
            transport=None, timeout=patient.invocation.number("TUNECTL_HTTP_TIMEOUT", 30.0, least=0.001), mend=mend
        )
    except TunectlError as error:
        patient.refusal = error
        return _failed(check, error)
    patient.signed_with, patient.quota_project = "default", found.quota_project
    found.close()
    if patient.invocation.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        where = "the file that GOOGLE_APPLICATION_CREDENTIALS names"
    else:
        where = "gcloud's login, or the service account of this machine"
    return Finding(check, "ok", f"application default credentials: {where}")


def _service(check: str, patient: Patient) -> Finding:
    where = "the embedded emulator" if patient.session.embedded else patient.session.config.provider.endpoint
    if isinstance(patient.refusal, AuthenticationFailed):
        return Finding(check, "skipped", "the credentials come first")
    try:
        patient.provider = patient.session.provider(read_only=True)
        patient.listed = patient.provider.observe()
    except TunectlError as error:
        patient.refusal = error
        return _failed(check, error)
    return Finding(check, "ok", f"{where} answers and lists {_count(len(patient.listed), 'tuned model')}")


def _scopes(check: str, patient: Patient) -> Finding:
    if patient.signed_with == "nothing":
        return Finding(check, "skipped", "there are no credentials to ask")
    if patient.signed_with == "key":
        return Finding(check, "skipped", "an API key has none")
    refusal = patient.refusal
    if isinstance(refusal, PermissionDenied) and "scope" in f"{refusal.message} {refusal.hint}":
        known = patient.session.description
        return Finding(check, "fail", f"too few; tuning needs {' and '.join(known.scopes)}", known.login, denied=True)
    if patient.listed is None:
        return Finding(check, "skipped", "the service did not say")
    return Finding(check, "ok", "enough to read; whether they also let us tune shows at the first create")


def _quota_project(check: str, patient: Patient) -> Finding:
    project = patient.session.config.provider.project
    if patient.session.embedded or patient.signed_with == "nothing":
        return Finding(check, "skipped", "nobody asks for one")
    if patient.signed_with == "key":
        return Finding(check, "skipped", "an API key belongs to its own")
    if project is not None or patient.quota_project is not None:
        return Finding(check, "ok", sanitize(project or f"{patient.quota_project}, named by the credentials"))
    if patient.listed is not None:
        return Finding(check, "ok", "none set, and the service asked for none")
    if not isinstance(patient.refusal, PermissionDenied):
        return Finding(check, "skipped", "none set; the service did not say whether it wants one")
    return Finding(
        check,
        "fail",
        "none set; with a person's credentials the service wants to know who pays",
        "export TUNECTL_PROJECT=PROJECT_ID ; or gcloud auth application-default set-quota-project PROJECT_ID",
        denied=True,
    )


def _staging(check: str, patient: Patient) -> Finding:
    """Ask the bucket what we may do there: no probe is written, so nothing is left behind."""
    from reconciler.ports.objects import Objects

    if patient.session.description.uploads is None:
        return Finding(check, "skipped", "data is sent with the request; there is no bucket")
    provider: object = patient.provider
    if not isinstance(provider, Objects):
        return Finding(check, "skipped", "the service did not answer")
    try:
        bucket, missing = provider.missing_permissions()
    except TunectlError as error:
        return _failed(check, error)
    where = f"gs://{sanitize(bucket)}"
    if missing:
        mend = f"gcloud storage buckets add-iam-policy-binding {where} --member=WHO --role=roles/storage.objectUser"
        return Finding(check, "fail", f"{where}: the credentials lack {', '.join(missing)}", mend, denied=True)
    return Finding(check, "ok", f"{where} can be written to")


def _base_models(check: str, patient: Patient) -> Finding:
    if patient.provider is None or patient.listed is None:
        return Finding(check, "skipped", "the service did not answer")
    try:
        tunable = sorted(model.name for model in patient.provider.base_models() if model.tunable)
    except TunectlError as error:
        return _failed(check, error)
    if not tunable:
        return _nothing_tunable(check, patient)
    unknown = sorted(patient.bases.difference(tunable))
    if unknown and patient.session.capabilities.lists_base_models:
        named = ", ".join(map(sanitize, unknown))
        return Finding(check, "fail", f"{named}: cannot be tuned here, and manifests name it", "tunectl validate")
    if unknown:
        named = ", ".join(map(sanitize, unknown))
        return Finding(check, "ok", f"{named}: not among those known to be tunable; the service decides at the create")
    shown = ", ".join(map(sanitize, tunable[:_NAMED]))
    more = f" and {len(tunable) - _NAMED} more" if len(tunable) > _NAMED else ""
    return Finding(check, "ok", f"can be tuned: {shown}{more}")


def _nothing_tunable(check: str, patient: Patient) -> Finding:
    text = "the service offers none that can be tuned"
    if patient.session.config.provider.type != "generativelanguage":
        return Finding(check, "fail", text)
    return Finding(
        check,
        "fail",
        f"{text}; the Gemini API has had none since May 2025 and announces none. "
        "Models that were tuned before are still listed, changed and asked; new ones cannot be made here",
        "to try tunectl, set spec.provider.endpoint: emulator (with a lockfile of its own)",
    )


CHECKS: dict[str, Callable[[str, Patient], Finding]] = {
    "manifests": _manifests,
    "lockfile": _lockfile,
    ".gitignore": _ignored,
    "credentials": _credentials,
    "service": _service,
    "scopes": _scopes,
    "quota project": _quota_project,
    "staging": _staging,
    "base models": _base_models,
}
"""The checks that need a project, by name, in order: later ones build on earlier ones."""


def _failed(check: str, error: TunectlError, *, mend: str | None = None) -> Finding:
    """Return the finding that an error stands for: its own words and its own way past."""
    text, hint = error.message, error.hint
    if isinstance(error, ProblemsError):
        worst = [problem for problem in error.problems if problem.severity == "error"]
        more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
        place = f"{worst[0].location}: " if worst[0].location else ""
        text, hint = f"{place}{worst[0].message}{more}", worst[0].hint
    denied = isinstance(error, AuthenticationFailed | PermissionDenied)
    return Finding(check, "fail", clip(sanitize(text), 400), mend or hint, denied=denied)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
