"""A plan says what changed in the data since the model was tuned, from the cache, from git, or why it cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from reconciler.dataset import repository
from reconciler.views.restore import read_plan

if TYPE_CHECKING:
    from cli_kit import Workshop

DATA = "manifests/datasets/numbers.jsonl"
CANARY = "canary-of-a-row"


def rows(*pairs: tuple[str, str]) -> str:
    return "".join(json.dumps({"text_input": text, "output": output}) + "\n" for text, output in pairs)


OLD = rows(("1", "2"), ("2", "3"), ("3", "4"), ("4", "5"))
NEW = rows(("2", "3"), ("1", f"{CANARY} two"), (f"{CANARY} five", "6"), ("six", "7"), ("six", "7"))


def git(workshop: Workshop, *arguments: str) -> str:
    names = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *names, *arguments], cwd=workshop.root, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


def commit(workshop: Workshop, *, message: str = "data") -> str:
    git(workshop, "add", "manifests")
    git(workshop, "commit", "-qm", message)
    return git(workshop, "rev-parse", "HEAD")


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.write(DATA, OLD)
    return workshop


@pytest.fixture
def versioned(shop: Workshop) -> Workshop:
    git(shop, "init", "-q", ".")
    commit(shop)
    return shop


def forget_cache(workshop: Workshop) -> None:
    shutil.rmtree(workshop.root / ".tunectl" / "rows")


def change(workshop: Workshop) -> dict[str, object]:
    dataset = workshop.plan()["actions"][0]["dataset"]
    return {key: dataset[key] for key in ("added", "removed", "changed", "reordered", "duplicates", "comparedWith")}


COUNTS = {"added": 3, "removed": 2, "changed": 1, "reordered": False, "duplicates": 1}


def test_the_cache_of_the_apply_tells_what_changed_and_what_was_there_is_not_shown(shop):
    shop.apply()
    assert shop.entry("numbers")["dataset"]["path"] == DATA
    shop.write(DATA, NEW)
    assert change(shop) == {**COUNTS, "comparedWith": "cache"}
    text = shop.run("plan").out
    (told,) = [line for line in text.splitlines() if "sha256:" in line and "digest" not in line]
    assert ": 3 added, 2 removed, 1 changed; 1 duplicate, 0 before (sha256:" in told
    assert told.endswith(")  # needs a new training")
    assert CANARY not in text


def test_rows_are_shown_when_somebody_asks_and_the_old_ones_where_git_has_them(shop, versioned):
    shop.apply()
    shop.write(DATA, NEW)
    shown = shop.run("plan", "--show-rows").out
    assert f'+ {DATA}:3  "{CANARY} five" -> "6"' in shown
    assert f'~ {DATA}:2  "1" -> "{CANARY} two", before "2"' in shown
    head = git(shop, "rev-parse", "HEAD")
    assert f'- {head[:12]}:{DATA}:3  "3" -> "4"' in shown
    page = shop.run("plan", "--show-rows", "--format", "markdown").out
    assert CANARY in page
    for form in ("text", "json", "markdown", "github"):
        assert "canary" not in shop.run("plan", "--format", form).text
    assert CANARY in shop.run("plan", "--show-rows", "--format", "github").out


def test_a_terminal_is_shown_rows_unless_it_declines_and_a_file_beside_it_is_not(shop, monkeypatch):
    shop.apply()
    shop.write(DATA, NEW)
    monkeypatch.setattr("reconciler.cli.command.sys.stdout.isatty", lambda: True)
    assert CANARY in shop.run("plan", "--no-color").out
    assert CANARY not in shop.run("plan", "--no-color", "--no-rows").out
    assert CANARY not in shop.run("plan", "--no-color", "--format", "markdown").out
    assert CANARY not in shop.run("plan", "--no-color", "--format", "text=plan.txt").out
    assert CANARY not in (shop.root / "plan.txt").read_text()


def test_the_counts_change_no_approval_and_survive_a_saved_plan(shop):
    shop.apply()
    shop.write(DATA, NEW)
    with_cache = shop.plan()
    shop.run("plan", "--out", "plan.json", "--show-rows")
    saved = read_plan((shop.root / "plan.json").read_bytes(), address="plan.json")
    assert saved.actions[0].data.rows.added == 3
    assert "3 added" in shop.run("show", "plan.json").out
    forget_cache(shop)
    without = shop.plan()
    assert without["digest"] == with_cache["digest"]
    assert without["actions"][0]["dataset"]["added"] is None
    assert shop.apply("plan.json").out.endswith("Applied: 0 created, 0 updated, 1 replaced, 0 deleted, 1 cleaned up.\n")


def test_git_gives_the_old_version_where_there_is_no_cache(versioned):
    versioned.apply()
    first = git(versioned, "rev-parse", "HEAD")
    versioned.write(DATA, NEW)
    commit(versioned)
    versioned.write(DATA, NEW + rows(("x", "y")))
    forget_cache(versioned)
    assert change(versioned) == {**COUNTS, "added": 4, "comparedWith": f"git:{first}"}
    assert change(versioned)["comparedWith"] == "cache", "what was found once need not be looked for again"


def test_the_commit_that_the_lockfile_names_is_looked_at_first_even_where_no_branch_leads(versioned):
    versioned.apply()
    recorded = versioned.entry("numbers")["provenance"]["commit"]
    versioned.write(DATA, NEW)
    git(versioned, "commit", "-q", "--amend", "-m", "another past", DATA)
    versioned.write(DATA, NEW + rows(("x", "y")))
    forget_cache(versioned)
    assert change(versioned)["comparedWith"] == f"git:{recorded}"


def test_a_file_that_moved_and_took_another_format_is_found_under_its_old_name(versioned):
    versioned.apply()
    git(versioned, "rm", "-q", "--cached", DATA)
    (versioned.root / DATA).unlink()
    versioned.write("manifests/rows.csv", "question,output\n1,2\n2,3\n3,4\n4,6\n")
    versioned.want("numbers", dataset={"path": "rows.csv", "inputKey": "question"})
    commit(versioned)
    forget_cache(versioned)
    assert change(versioned)["changed"] == 1


def test_examples_in_the_manifest_are_found_in_the_manifest_of_then(versioned):
    versioned.want("numbers", dataset={"examples": [{"text_input": "1", "output": "2"}]})
    commit(versioned)
    versioned.apply()
    assert "path" not in versioned.entry("numbers")["dataset"]
    versioned.want("numbers", dataset={"examples": [{"text_input": "1", "output": "3"}]})
    forget_cache(versioned)
    assert change(versioned)["changed"] == 1
    assert "manifests/numbers.yaml:" in versioned.run("plan", "--show-rows").out


def test_the_same_rows_in_another_order_are_said_to_be(shop):
    shop.apply()
    shop.write(DATA, "".join(reversed(OLD.splitlines(keepends=True))))
    assert change(shop)["reordered"] is True
    assert " examples: the same rows in another order (sha256:" in shop.run("plan").out


def no_repository(workshop, monkeypatch):
    shutil.rmtree(workshop.root / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(workshop.root.parent))
    return "the project is in no git repository"


def no_git(workshop, monkeypatch):
    monkeypatch.setenv("PATH", str(workshop.root / "nowhere"))
    return "git is not installed"


def never_committed(workshop, monkeypatch):
    shutil.rmtree(workshop.root / ".git")
    git(workshop, "init", "-q", ".")
    return f"no commit holds {DATA}"


def committed_otherwise(workshop, monkeypatch):
    shutil.rmtree(workshop.root / ".git")
    git(workshop, "init", "-q", ".")
    commit(workshop)
    return f"none of 1 committed versions of {DATA} is the one it was tuned on"


def shallow(workshop, monkeypatch):
    commit(workshop, message="later")
    git(workshop, "clone", "-q", "--depth=1", f"file://{workshop.root}", "copy")
    shutil.rmtree(workshop.root / ".git")
    (workshop.root / "copy" / ".git").rename(workshop.root / ".git")
    return "the clone is shallow: git fetch --unshallow"


def large_file_storage(workshop, monkeypatch):
    data = (workshop.root / DATA).read_text()
    workshop.write(DATA, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    committed_otherwise(workshop, monkeypatch)
    workshop.write(DATA, data)
    return f"{DATA} is kept by Git LFS"


def somebody_elses(workshop, monkeypatch):
    fake = workshop.write(
        "bin/git", "#!/bin/sh\necho 'fatal: detected dubious ownership in repository' >&2\nexit 128\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")
    return "belongs to somebody else (safe.directory)"


def hanging(workshop, monkeypatch):
    fake = workshop.write("bin/git", "#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")
    monkeypatch.setattr(repository.Repository.__init__, "__kwdefaults__", {"seconds": 0.2})
    return "git gave no answer within 0.2 s"


@pytest.mark.parametrize(
    "missing",
    [
        no_repository,
        no_git,
        never_committed,
        committed_otherwise,
        shallow,
        large_file_storage,
        somebody_elses,
        hanging,
    ],
)
def test_what_is_not_to_be_had_is_said_with_its_reason_and_the_plan_goes_on(versioned, monkeypatch, missing):
    versioned.apply()
    versioned.write(DATA, NEW)
    forget_cache(versioned)
    reason = missing(versioned, monkeypatch)
    action = versioned.plan()["actions"][0]
    assert action["action"] == "replace"
    assert action["dataset"]["added"] is None
    assert reason in action["dataset"]["unknown"]
    assert "no cache of its rows here, and " in action["dataset"]["unknown"]
    assert reason in versioned.run("plan").out


def test_no_cache_leaves_it_to_git(versioned):
    versioned.apply("--no-cache")
    assert not (versioned.root / ".tunectl" / "rows").exists()
    versioned.write(DATA, NEW)
    dataset = versioned.plan("--no-cache")["actions"][0]["dataset"]
    assert (dataset["changed"], dataset["comparedWith"][:4]) == (1, "git:")
    assert not (versioned.root / ".tunectl" / "rows").exists()


@pytest.mark.parametrize("path", ["-n.jsonl", "a b;$(id).jsonl", "HEAD:x.jsonl", "[ab]*.jsonl", "ä…'\".jsonl"])
def test_odd_file_names_are_file_names(versioned, path):
    versioned.write(f"manifests/{path}", OLD)
    versioned.want("numbers", dataset={"path": f"./{path}"})
    git(versioned, "add", "--", f"manifests/{path}")
    commit(versioned)
    versioned.apply()
    versioned.write(f"manifests/{path}", NEW)
    forget_cache(versioned)
    assert change(versioned)["changed"] == 1


def test_nothing_in_a_repository_is_run(versioned):
    """Filters, hooks, pagers and monitors of somebody's repository are programs of somebody's."""
    versioned.apply()
    mark = versioned.root / "ran"
    trap = f"touch {mark}"
    for key in ("core.fsmonitor", "core.pager", "diff.trap.textconv", "filter.trap.smudge", "core.sshCommand"):
        git(versioned, "config", key, trap)
    versioned.write(".gitattributes", "*.jsonl diff=trap filter=trap\n")
    mark.unlink(missing_ok=True)
    versioned.write(DATA, NEW)
    forget_cache(versioned)
    assert change(versioned)["comparedWith"].startswith("git:")
    assert not mark.exists()


def test_a_plan_with_nothing_to_do_looks_for_no_rows(versioned, monkeypatch):
    versioned.apply()
    monkeypatch.setattr("reconciler.wiring.Session.past", property(lambda _: pytest.fail("it looked")))
    assert versioned.plan()["actions"] == []


def test_a_row_that_is_wrong_is_shown_to_somebody_at_a_terminal_and_to_no_runner(shop, monkeypatch):
    shop.write(DATA, f'{{"text_input": "{CANARY}", "output": 3}}\n')
    assert CANARY not in shop.run("validate", expect=1).text
    monkeypatch.setattr("reconciler.cli.failure.sys.stderr.isatty", lambda: True)
    assert CANARY not in shop.run("validate", "--no-color", expect=1, environ={"CI": "true"}).text
    assert CANARY not in shop.run("validate", "--no-color", "--format", "json", expect=1).text
    row, caret = shop.run("validate", "--no-color", expect=1).err.splitlines()[1:3]
    assert row.endswith(f'"{CANARY}", "output": 3}}')
    assert row[caret.index("^")] == "3"
