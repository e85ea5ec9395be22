"""The project file: every key has a default, everything wrong is told at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.core.limits import Limits
from reconciler.errors import Location, ProblemsError
from reconciler.manifest.project import ProjectConfig, ProviderConfig, check_endpoint, check_lockfile, load_project


def test_without_a_file_everything_has_its_default(project):
    assert project.config() == ProjectConfig(
        root=project.root,
        file=None,
        name="shop-models",
        provider=ProviderConfig("generativelanguage", "v1beta", "emulator"),
        manifests=("manifests",),
        lockfile="tunectl.lock",
        defaults={},
        limits=Limits(5, 10, None),
    )


@pytest.mark.parametrize(
    ("folder", "name"),
    [("A_b  c", "a-b-c"), ("--x--", "x"), ("模型", "default"), ("9lives", "9lives"), ("a" * 80, "a" * 63)],
)
def test_the_name_is_made_from_the_folder(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    assert load_project(tmp_path / folder).name == name


def test_every_key_is_read(project):
    project.write(
        "tunectl.yaml",
        """\
        apiVersion: tunectl/v1
        kind: Project
        metadata: {name: Demo-1}
        spec:
          provider:
            type: vertex
            endpoint: https://us-central1-aiplatform.googleapis.com
            project: my-project-id
            location: us-central1
            staging: gs://bucket/prefix
          manifests: [models, extra/*.yaml]
          lockfile: gs://bucket/tunectl.lock
          defaults: {temperature: 0.5, hyperparameters: {epochCount: 3}}
          limits: {maxDeletes: 0, maxReplaces: null, maxSteps: 500}
        """,
    )
    config = project.config()
    assert config == ProjectConfig(
        root=project.root,
        file="tunectl.yaml",
        name="Demo-1",
        provider=ProviderConfig(
            "vertex",
            "v1",
            "https://us-central1-aiplatform.googleapis.com",
            "my-project-id",
            "us-central1",
            "gs://bucket/prefix",
        ),
        manifests=("models", "extra/*.yaml"),
        lockfile="gs://bucket/tunectl.lock",
        defaults={"temperature": 0.5, "hyperparameters": {"epochCount": 3}},
        limits=Limits(0, None, 500),
    )
    assert config.where["spec.limits.maxSteps"] == Location("tunectl.yaml", 14, 46)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "apiVersion: tunectl/v1\nkind: Project\n"])
def test_an_empty_file_is_all_defaults(project, text):
    project.write("tunectl.yml", text)
    assert project.config() == ProjectConfig(root=project.root, file="tunectl.yml", name="shop-models")


def test_everything_wrong_is_told_at_once(project):
    project.write(
        "tunectl.yaml",
        """\
        kind: Projct
        metadata: {name: no_underscores}
        spec:
          providr: {}
          provider: {type: 3, endpoint: "", project: "a b", staging: s3://x}
          manifests: []
          lockfile: 3
          defaults: {temperature: 2, hyperparameters: {learningRate: 1, learningRateMultiplier: 1}}
          limits: {maxDeletes: -1, maxSteps: many}
        """,
    )
    assert project.refusals() == [
        "tunectl.yaml:1:1: kind: must be Project, not 'Projct'",
        (
            "tunectl.yaml:2:12: metadata.name: must be letters, digits and '-', starting and ending with a letter or"
            " digit, at most 63 characters, not 'no_underscores'"
        ),
        "tunectl.yaml:4:3: spec.providr: unknown key (did you mean provider?)",
        "tunectl.yaml:5:14: spec.provider.type: must be one line of text of at least 1 character, not 3",
        "tunectl.yaml:5:23: spec.provider.endpoint: must be one line of text of at least 1 character, not ''",
        "tunectl.yaml:5:37: spec.provider.project: must be lower-case letters, digits, '-', '.' and ':', not 'a b'",
        "tunectl.yaml:5:53: spec.provider.staging: must be a place such as gs://bucket/prefix, not 's3://x'",
        "tunectl.yaml:6:3: spec.manifests: must be a list of at least 1 path, not an empty list",
        "tunectl.yaml:7:3: spec.lockfile: must be one line of text of at least 1 character, not 3",
        "tunectl.yaml:8:14: spec.defaults.temperature: must be a number from 0 to 1, not 2",
        (
            "tunectl.yaml:8:65: spec.defaults.hyperparameters: learningRate and learningRateMultiplier exclude each"
            " other (keep one)"
        ),
        "tunectl.yaml:9:12: spec.limits.maxDeletes: must be a whole number of at least 0, not -1",
        "tunectl.yaml:9:28: spec.limits.maxSteps: must be a whole number of at least 0, not 'many'",
    ]


def test_rules_that_span_fields_are_checked(project):
    project.write(
        "tunectl.yaml", "spec: {provider: {endpoint: 'http://example.com', apiVersion: v1}, lockfile: 'ftp://x/y'}"
    )
    assert project.refusals() == [
        (
            "tunectl.yaml:1:19: spec.provider.endpoint: must be https; http is accepted for this machine only"
            " (localhost, 127.0.0.1, [::1])"
        ),
        "tunectl.yaml:1:51: spec.provider.apiVersion: must be v1beta or v1beta3 with type generativelanguage, not 'v1'",
        "tunectl.yaml:1:68: spec.lockfile: must be a path, gs://bucket/key or s3://bucket/key",
    ]


def test_a_file_that_cannot_be_read_is_a_problem(project):
    (project.root / "tunectl.yaml").mkdir()
    assert project.refusals() == ["tunectl.yaml: is a folder, not a file"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "tunectl.yaml:1: broken YAML"),
        ("- 1", "tunectl.yaml:1:1: the document: must be a mapping, not a list"),
        ("kind: Project\n---\nkind: Project", "tunectl.yaml:3: a project file holds one document"),
    ],
)
def test_a_file_of_another_shape_is_a_problem(project, text, message):
    project.write("tunectl.yaml", text)
    (refusal,) = project.refusals()
    assert refusal.startswith(message)


def test_a_pipe_is_refused_and_not_waited_for(project):
    os.mkfifo(project.root / "tunectl.yaml")
    assert project.refusals() == ["tunectl.yaml: is neither a file nor a folder"]


def test_a_link_out_of_the_project_is_refused_and_its_target_not_shown(project, tmp_path):
    (tmp_path / "secret").write_text("canary: [")
    (project.root / "tunectl.yaml").symlink_to(tmp_path / "secret")
    (refusal,) = project.refusals()
    assert "leads out of the project's folder" in refusal
    assert "canary" not in refusal


def test_two_project_files_are_one_too_many(project):
    project.write("tunectl.yaml", "")
    project.write("tunectl.yml", "")
    assert project.refusals() == ["tunectl.yml: tunectl.yaml stands beside it (remove one of them)"]


def test_parents_are_not_searched(project):
    project.write("tunectl.yaml", "metadata: {name: above}")
    (project.root / "inner").mkdir()
    assert load_project(project.root / "inner").name == "inner"


def test_a_file_that_is_named_sets_the_root(project, tmp_path):
    file = project.write("ops/staging.yaml", "metadata: {name: staging}")
    for config in (file, Path("ops/staging.yaml")):
        loaded = load_project(project.root, config=config)
        assert (loaded.root, loaded.file, loaded.name) == (file.parent, "staging.yaml", "staging")
    with pytest.raises(ProblemsError) as caught:
        load_project(project.root, config=tmp_path / "absent.yaml")
    assert [str(problem) for problem in caught.value.problems] == ["absent.yaml: does not exist"]


def test_a_directory_that_does_not_exist_is_a_problem(tmp_path):
    with pytest.raises(ProblemsError) as caught:
        load_project(tmp_path / "absent")
    assert str(caught.value.problems[0]).endswith("absent: is no folder")


@pytest.mark.parametrize(
    "endpoint",
    [
        "emulator",
        "https://generativelanguage.googleapis.com",
        "https://proxy.example.com:8443/gl",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://127.8.8.8:1",
        "http://[::1]:8080",
    ],
)
def test_endpoints_that_may_be_used(endpoint):
    assert check_endpoint(endpoint) is None


@pytest.mark.parametrize(
    ("endpoint", "complaint"),
    [
        ("", "must be 'emulator' or a URL"),
        ("generativelanguage.googleapis.com", "must be 'emulator' or a URL"),
        ("ftp://example.com", "must be 'emulator' or a URL"),
        ("file:///etc/passwd", "must be 'emulator' or a URL"),
        ("https://", "must be 'emulator' or a URL"),
        ("https://:443", "must be 'emulator' or a URL"),
        ("http://example.com", "must be https"),
        ("http://169.254.169.254", "must be https"),
        ("http://localhost.example.com", "must be https"),
        ("http://127.0.0.1.example.com", "must be https"),
        ("http://0.0.0.0", "must be https"),
        ("http://[::]:80", "must be https"),
        ("http://2130706433", "must be https"),
        ("https://user:word@example.com", "must not hold a user name"),
        ("http://localhost@example.com", "must not hold a user name"),
        ("https://example.com?key=1", "must not hold a query"),
        ("https://example.com/?", "must not hold a query"),
        ("https://example.com#x", "must not hold a query"),
        ("https://exa mple.com", "must not hold spaces"),
        ("https://example.com\\@evil", "must not hold spaces"),
        ("https://example.com\n", "must not hold spaces"),
        ("https://ex\u0430mple.com", "must not hold spaces"),
        ("https://example.com:port", "is no valid URL"),
        ("https://example.com:99999", "is no valid URL"),
        ("https://[::1", "is no valid URL"),
    ],
)
def test_endpoints_that_are_refused(endpoint, complaint):
    assert check_endpoint(endpoint).startswith(complaint)


@pytest.mark.parametrize(
    "lockfile", ["tunectl.lock", "state/a.lock", "/var/a.lock", "gs://my-bucket/a/b.lock", "s3://b1/k"]
)
def test_places_a_lockfile_may_be_in(lockfile):
    assert check_lockfile(lockfile) is None


@pytest.mark.parametrize(
    "lockfile", ["", " ", "state/", "~/a.lock", "gs://bucket", "gs://bucket/", "https://x/y", "a\x00b"]
)
def test_places_a_lockfile_may_not_be_in(lockfile):
    assert check_lockfile(lockfile).startswith("must be")
