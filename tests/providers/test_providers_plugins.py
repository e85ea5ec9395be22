"""Providers of other packages: found by their entry points, or refused with the place, the reason and the way past."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import run
from reconciler.core.resource import Capabilities
from reconciler.errors import Location, ProblemsError, UsageError
from reconciler.ports.provider import Normalized, Remark
from reconciler.providers.description import describe
from reconciler.providers.plugin import CONTRACT, Description
from reconciler.providers.settings import ProviderSettings
from reconciler.testing.fakes import FakeClock

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
MANIFEST = """\
apiVersion: tunectl/v1
kind: TunedModel
metadata: {name: numbers}
spec:
  baseModel: paper
  temperature: 0.5
  dataset: {examples: [{text_input: "1", output: "2"}, {text_input: "2", output: "3"}]}
"""


def install(folder, module, code, points, *, package="tunectl-folder", version="1.0"):
    """Install a package into a folder as an installer would: its module, and the metadata beside it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[tunectl.providers]\n" + "\n".join(points) + "\n")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path that packages are installed into, and that is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("tunectl_"):
            del sys.modules[name]


def block(language, marker):
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return next(text for text in blocks if marker in text)


class TestTheWorkedExample:
    @pytest.fixture
    def project(self, site, tmp_path):
        (point,) = re.findall(r'^(\w+) = "(.+)"$', block("toml", "entry-points"), re.MULTILINE)
        install(site, "tunectl_folder", block("python", "FolderProvider"), [f"{point[0]} = {point[1]}"])
        root = tmp_path / "project"
        (root / "manifests").mkdir(parents=True)
        shelf = tmp_path / "shelf"
        shelf.mkdir()
        (root / "tunectl.yaml").write_text(block("yaml", "type: folder").replace("folder: shelf", f"folder: {shelf}"))
        (root / "manifests/numbers.yaml").write_text(MANIFEST)
        return root

    @pytest.fixture
    def tunectl(self, project, capsys):
        def call(*arguments, expect=0):
            capsys.readouterr()
            code = run(("-C", str(project), *arguments), invocation=Invocation(environ={}, clock=FakeClock()))
            told = capsys.readouterr()
            assert code == expect, told.out + told.err
            return told.out + told.err

        return call

    def test_plans_applies_drifts_answers_and_is_destroyed(self, tunectl, project, tmp_path):
        said = tunectl("plan")
        assert "Plan: 1 to create" in said
        assert "manifests/numbers.yaml:6:3" in said
        assert "spec.temperature: not kept by folder; ignored" in said
        tunectl("apply", "-y")
        assert json.loads((project / "tunectl.lock").read_text())["remote"]["type"] == "folder"
        assert "No changes." in tunectl("plan")
        assert tunectl("generate", "numbers", "2").strip().endswith("3")
        (model,) = (tmp_path / "shelf").glob("*.json")
        model.write_text(model.read_text().replace('"numbers"', '"other"'))
        assert "spec.displayName was changed outside" in tunectl("drift", expect=2)
        tunectl("apply", "-y")
        tunectl("destroy", "-y")
        assert list((tmp_path / "shelf").iterdir()) == []

    def test_doctor_looks_for_no_credentials_of_google(self, tunectl, project):
        said = json.loads(tunectl("doctor", "--format", "json"))
        found = {each["check"]: each for each in said["checks"]}
        assert found["credentials"] == {
            "check": "credentials",
            "state": "skipped",
            "text": "folder takes none of Google's",
            "mend": None,
        }
        assert found["service"]["state"] == "ok"
        assert found["base models"]["text"] == "can be tuned: paper"

    def test_doctor_says_nothing_of_the_gemini_api_where_nothing_can_be_tuned(self, tunectl, site):
        module = site / "tunectl_folder.py"
        module.write_text(module.read_text().replace("tunable=True", "tunable=False"))
        found = {each["check"]: each for each in json.loads(tunectl("doctor", "--format", "json", expect=1))["checks"]}
        assert found["base models"]["text"] == "the service offers none that can be tuned"
        assert found["base models"]["mend"] is None

    def test_an_error_of_its_description_has_its_place(self, tunectl, project):
        (project / "tunectl.yaml").write_text(block("yaml", "type: folder").replace("folder: shelf", "floder: shelf"))
        assert "tunectl.yaml:8:5: error: provider.options: folder is missing" in tunectl("validate", expect=1)

    def test_an_error_of_a_remark_has_its_place(self, tunectl, project):
        changed = MANIFEST.replace("baseModel: paper", "source: {tunedModel: files/x}")
        (project / "manifests/numbers.yaml").write_text(changed)
        said = tunectl("validate", expect=1)
        assert "manifests/numbers.yaml:5:3: error: numbers: spec.source: folder tunes base models only" in said

    def test_a_type_that_nobody_has_is_answered_with_the_closest(self, tunectl, project):
        (project / "tunectl.yaml").write_text(block("yaml", "type: folder").replace("type: folder", "type: foldr"))
        said = tunectl("plan", expect=1)
        assert "tunectl.yaml:6:5: error: provider.type: 'foldr' is not known" in said
        assert "did you mean folder?" in said


def refusal(kind, **where):
    with pytest.raises((UsageError, ProblemsError)) as caught:
        describe(ProviderSettings(type=kind), **where)
    return caught.value


class TestRefusals:
    def test_two_packages_that_offer_one_type_are_named(self, site):
        install(site, "tunectl_a", "P = 1", ["twice = tunectl_a:P"], package="tunectl-a")
        install(site, "tunectl_b", "P = 1", ["twice = tunectl_b:P"], package="tunectl-b", version="2.0")
        error = refusal("twice")
        assert error.message == "provider.type: 'twice' is offered by tunectl-a 1.0 and tunectl-b 2.0"
        assert error.hint == "uninstall all but one"

    @pytest.mark.parametrize("code", ["raise RuntimeError('secret')", "import no_such_module", "x = (", "Q = 1"])
    def test_one_that_cannot_be_loaded_is_named_and_not_quoted(self, site, code):
        install(site, "tunectl_broken", code, ["broken = tunectl_broken:P"], package="tunectl-broken")
        error = refusal("broken")
        assert error.message.startswith("provider.type: 'broken' of tunectl-broken 1.0 cannot be loaded (")
        assert "secret" not in error.message

    @pytest.mark.parametrize(("number", "upgrade"), [(CONTRACT + 1, "tunectl"), (CONTRACT - 1, "tunectl-old 1.0")])
    def test_one_of_another_contract_says_what_to_upgrade(self, site, number, upgrade):
        code = f"class P:\n    contract = {number}\n"
        install(site, "tunectl_old", code, ["old = tunectl_old:P"], package="tunectl-old")
        error = refusal("old")
        assert error.message.endswith(f"was written for contract {number}, this is {CONTRACT}")
        assert error.hint == f"upgrade {upgrade}"

    def test_a_built_in_type_is_not_taken_over(self, site):
        install(site, "tunectl_thief", "raise SystemExit", ["generativelanguage = tunectl_thief:P"])
        assert describe(ProviderSettings()).capabilities.resource_prefix == "tunedModels/"

    def test_a_setting_from_a_flag_has_no_place_and_is_a_usage_error(self):
        where = {"spec.provider": Location("tunectl.yaml", 4, 3)}
        settings = ProviderSettings(api_version="v9")
        with pytest.raises(ProblemsError) as caught:
            describe(settings, where=where)
        assert caught.value.problems[0].location == where["spec.provider"]
        with pytest.raises(UsageError, match=r"provider\.apiVersion: 'v9' is not known"):
            describe(settings, where=where, given=frozenset({"apiVersion"}))


def test_fields_that_the_generative_language_api_does_not_have_are_remarked_on_and_left_out():
    spec = {
        "displayName": "n",
        "method": "preference",
        "serviceAccount": "a@b.example",
        "encryptionKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "hyperparameters": {"epochCount": 3, "adapterSize": 4, "beta": 0.1},
    }
    normal = describe(ProviderSettings()).normalize(spec)
    assert normal.spec == {"displayName": "n", "hyperparameters": {"epochCount": 3}}
    assert {remark.path: remark.severity for remark in normal.remarks} == {
        "method": "error",
        "encryptionKey": "error",
        "hyperparameters.adapterSize": "error",
        "hyperparameters.beta": "error",
        "serviceAccount": "warning",
    }
    supervised = describe(ProviderSettings()).normalize({"displayName": "n", "method": "supervised"})
    assert supervised == Normalized({"displayName": "n"})


def test_a_description_spells_as_it_was_told():
    remark = Remark("topK", "not kept")
    description = Description(Capabilities({}, "x/", 1), lambda spec: Normalized(spec, (remark,)))
    assert description.normalize({"topK": 1}) == Normalized({"topK": 1}, (remark,))
