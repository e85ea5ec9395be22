"""What is published is what works: the wheel holds all that is needed and nothing else, and runs as it was built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml

from reconciler._version import __version__

ROOT = Path(__file__).resolve().parents[2]


def run(*command, cwd, **environ):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TUNECTL_", "PYTEST_"))}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **environ}, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the source distribution of this tree, built once."""
    tree = tmp_path_factory.mktemp("tree")
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).split("\0") if _git() else _walk()
    for name in filter(None, listed):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, target)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--directory", str(out), cwd=tree)
    return out


def _git():
    return (ROOT / ".git").exists() and shutil.which("git") is not None


def _walk():
    return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


@pytest.fixture(scope="module")
def wheel(built):
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel, unpacked where Python finds it before anything else."""
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "reconciler").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    info = f"tunectl-{__version__}.dist-info"
    assert {name for name in names if not name.startswith(info)} == package
    assert "reconciler/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names


def test_its_metadata_says_what_pyproject_says(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info = f"tunectl-{__version__}.dist-info"
        meta = HeaderParser().parsestr(archive.read(f"{info}/METADATA").decode())
        scripts = archive.read(f"{info}/entry_points.txt").decode()
    assert (meta["Name"], meta["Version"], meta["Requires-Python"]) == ("tunectl", __version__, ">=3.11")
    assert "tunectl = reconciler.__main__:main" in scripts
    assert meta.get_payload().startswith("# tunectl")


def test_the_source_distribution_builds_the_same_wheel(built, wheel, tmp_path):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "--directory", str(tmp_path / "again"), cwd=tree)
    (again,) = (tmp_path / "again").glob("*.whl")
    assert again.name == wheel.name
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {(i.filename, i.CRC) for i in one.infolist()} == {(i.filename, i.CRC) for i in other.infolist()}


def test_the_source_distribution_holds_what_the_checks_need_and_the_pages_link_to(built):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    folders = (ROOT / "tests", ROOT / "scripts", ROOT / ".github", ROOT / "requirements")
    wanted = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    names = {str(path.relative_to(ROOT)) for path in wanted if "__pycache__" not in path.parts}
    assert (
        names | {"Makefile", ".ci/run", ".pre-commit-hooks.yaml", "action.yml", "tunectl.yaml", "SECURITY.md"} <= inside
    )


def test_the_built_wheel_takes_a_newcomer_from_nothing_to_an_answer(installed, tmp_path):
    environ = {"PYTHONPATH": str(installed), "TUNECTL_EMULATOR_TRAIN_SECONDS": "0"}

    def tunectl(*arguments):
        return run(sys.executable, "-P", "-m", "reconciler", *arguments, cwd=tmp_path, **environ)

    where = run(sys.executable, "-P", "-c", "import reconciler; print(reconciler.__file__)", cwd=tmp_path, **environ)
    assert where.startswith(str(installed))
    assert tunectl("--version") == f"tunectl {__version__}\n"
    tunectl("init", "-y")
    assert "Plan: 1 to create" in tunectl("plan")
    assert "Applied: 1 created" in tunectl("apply", "-y")
    assert tunectl("generate", "number-generator", "41") == "42\n"


def test_its_types_are_seen_by_who_uses_it(installed, tmp_path):
    (tmp_path / "use.py").write_text("from reconciler import plan\nreveal_type(plan('.').digest)\n")
    environ = {"MYPYPATH": str(installed)}
    said = run(
        sys.executable, "-m", "mypy", "--no-incremental", "--follow-imports=silent", "use.py", cwd=tmp_path, **environ
    )
    assert 'Revealed type is "str"' in said.replace("builtins.", "")


def test_the_hooks_for_pre_commit_are_commands_that_exist(installed, tmp_path):
    environ = {"PYTHONPATH": str(installed)}
    run(sys.executable, "-P", "-m", "reconciler", "init", "-y", cwd=tmp_path, **environ)
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()):
        program, *arguments = hook["entry"].split()
        assert program == "tunectl"
        run(sys.executable, "-P", "-m", "reconciler", *arguments, cwd=tmp_path, **environ)
