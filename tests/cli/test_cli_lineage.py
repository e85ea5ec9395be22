"""The past of a model, from the first apply to a log that somebody has spoiled."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from cli_kit import HYPERPARAMETERS, Workshop

from reconciler import wiring
from reconciler.project import provenance
from reconciler.stores.lineage_log import FileLineageLog
from reconciler.stores.memory import MemoryBlobStore
from reconciler.wiring import Session
from reconciler.wiring.records import Records

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "lineage.schema.json").read_text())
LOG = "tunectl.lineage.jsonl"


def epochs(number):
    return {"hyperparameters": {**HYPERPARAMETERS, "epochCount": number}}


def lines(workshop: Workshop) -> list[dict]:
    return [json.loads(line) for line in (workshop.root / LOG).read_text().splitlines()]


def told(workshop: Workshop, name: str = "numbers") -> list[str]:
    """The events of a name, the oldest first."""
    records = workshop.run("history", name, "--format", "json").json()["records"]
    return [record["event"] for record in reversed(records)]


def verify(workshop: Workshop, *names: str, expect: int = 1) -> list[tuple[str, str | None, int | None]]:
    document = workshop.run("lineage", "verify", *names, "--format", "json", expect=expect).json()
    assert document["whole"] == (expect == 0)
    return [(found["fault"], found["name"], found["line"]) for found in document["breaks"]]


def spoil(workshop: Workshop, number: int, **values: object) -> None:
    """Change values of a record as somebody with an editor would."""
    found = (workshop.root / LOG).read_text().splitlines()
    found[number - 1] = json.dumps(json.loads(found[number - 1]) | values)
    workshop.write(LOG, "\n".join(found) + "\n")


def test_every_verdict_on_a_model_is_kept(workshop):
    workshop.apply()
    for answer in ("no", "never"):
        workshop.want("numbers", **epochs(5), gate={"prompts": [{"input": "4", "equals": answer}]})
        workshop.apply(expect=7)
    workshop.want("numbers", **epochs(5), gate={"prompts": [{"input": "4", "equals": "5"}], "maxFinalLoss": 9})
    workshop.apply()
    assert told(workshop) == ["promoted", "rejected", "rejected", "promoted", "deleted"]
    gates = [record["verdict"]["gate"] for record in lines(workshop)[1:4]]
    assert len(set(gates)) == 3
    said = workshop.run("history", "numbers").out
    assert said.count("0 of 1 prompts right; not as expected: prompts[0]") == 2
    assert "gate passed: final loss " in said
    assert verify(workshop, expect=0) == []


# --- what is recorded ----------------------------------------------------------------------------------------------


def test_a_record_tells_where_a_model_comes_from_and_what_came_of_it(workshop):
    ci = {
        "GITHUB_ACTOR": "ada",
        "GITHUB_SHA": "c" * 40,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "team/models",
        "GITHUB_RUN_ID": "42",
    }
    workshop.apply(environ=ci)
    (record,) = lines(workshop)
    jsonschema.validate(record, SCHEMA)
    entry = workshop.entry("numbers")
    assert {
        "project": "demo",
        "name": "numbers",
        "number": 1,
        "event": "promoted",
        "resource": entry["resource"],
        "revision": entry["revision"],
        "baseModel": "models/text-bison-001",
        "steps": 23,
        "provenance": {"commit": "c" * 40, "actor": "ada", "run": "https://github.com/team/models/actions/runs/42"},
    }.items() <= record.items()
    assert record["dataset"].items() >= entry["dataset"].items()
    assert record["operation"].startswith(f"{entry['resource']}/operations/")
    assert record["seconds"] == pytest.approx(10.0, abs=0.5)
    assert record["loss"]["points"] == 23
    assert record["loss"]["least"] <= record["loss"]["last"] < record["loss"]["first"]
    assert entry["history"] == {"records": 1, "head": record["hash"]}
    assert entry["provenance"] == record["provenance"]
    assert "unwritten" not in workshop.lockfile


def test_the_whole_life_of_a_name_is_one_chain(workshop):
    workshop.apply()
    workshop.want("numbers", temperature=0.25)
    workshop.apply()
    first = workshop.serving("numbers")
    workshop.want("numbers", temperature=0.25, **epochs(4))
    workshop.apply()
    workshop.drop("numbers")
    workshop.want("counting", metadata={"previousNames": ["numbers"]}, temperature=0.25, **epochs(4))
    workshop.apply()
    workshop.run("destroy", "-y")
    chain = ["promoted", "updated", "promoted", "deleted", "renamed", "updated", "deleted"]
    assert told(workshop, "counting") == chain
    assert lines(workshop)[2]["replaced"] == first
    assert lines(workshop)[4]["formerName"] == "numbers"
    assert verify(workshop, expect=0) == []
    for record in lines(workshop):
        jsonschema.validate(record, SCHEMA)
    said = workshop.fails(64, "history", "numbers")
    assert "it is called counting now" in said


def test_a_name_that_comes_back_goes_on_with_its_chain(workshop):
    workshop.apply()
    workshop.run("destroy", "-y")
    assert workshop.lockfile["departed"]["numbers"]["records"] == 2
    workshop.apply()
    assert told(workshop) == ["promoted", "deleted", "promoted"]
    assert "departed" not in workshop.lockfile
    assert verify(workshop, expect=0) == []


def test_a_model_renamed_to_a_name_that_departed_leaves_the_departed_chain_alone(workshop):
    workshop.want("others")
    workshop.apply()
    workshop.run("destroy", "numbers", "-y")
    departed = workshop.lockfile["departed"]["numbers"]
    workshop.drop("numbers")
    workshop.drop("others")
    workshop.want("numbers", metadata={"previousNames": ["others"]})
    workshop.apply()
    assert workshop.lockfile["departed"] == {"numbers": departed}
    assert told(workshop) == ["promoted", "renamed", "updated"]
    assert verify(workshop, expect=0) == []
    assert "5 records of 1 name in 2 chains, every chain is whole" in workshop.run("lineage", "verify").out
    end = departed["head"].removeprefix("sha256:")[:12]
    said = workshop.run("history", "numbers").out
    assert f"numbers: another chain of 2 records bore this name; `--chain {end}` shows it" in said
    former = json.loads(workshop.run("history", "numbers", "--chain", end, "--format", "json").out)
    assert [record["event"] for record in reversed(former["records"])] == ["promoted", "deleted"]
    assert former["former"] == [workshop.lockfile["models"]["numbers"]["history"]]
    said = workshop.fails(64, "history", "numbers", "--chain", "beef")
    assert "no chain of that name ends with beef; ends, and how many records lead to them: sha256:" in said
    workshop.run("destroy", "-y")
    now = workshop.lockfile["departed"]["numbers"]
    assert (now["records"], now["earlier"]) == (4, [departed])
    workshop.apply()
    assert workshop.lockfile["departed"] == {"numbers": departed}
    assert told(workshop) == ["promoted", "renamed", "updated", "deleted", "promoted"]
    text = (workshop.root / LOG).read_text().splitlines(keepends=True)
    workshop.write(LOG, "".join(line for line in text if json.loads(line)["hash"] != departed["head"]))
    assert verify(workshop) == [("truncated", "numbers", 1)]
    assert departed["head"] in workshop.run("lineage", "verify", expect=1).out


def test_a_rollback_and_what_is_let_go_and_taken_over_are_told(workshop):
    """None of these commands knows of the record: it follows from what they do to the lockfile."""
    workshop.want("numbers", lifecycle={"retain": 1})
    workshop.apply()
    first = workshop.serving("numbers")
    workshop.want("numbers", lifecycle={"retain": 1}, **epochs(4))
    workshop.apply()
    second = workshop.serving("numbers")
    workshop.run("rollback", "numbers", "-y")
    assert told(workshop) == ["promoted", "promoted", "rolled-back"]
    assert (lines(workshop)[-1]["resource"], lines(workshop)[-1]["replaced"]) == (first, second)
    workshop.run("forget", "numbers", "-y")
    assert told(workshop)[-1] == "forgotten"
    workshop.run("adopt", "numbers", second, "-y")
    assert told(workshop)[-1] == "adopted"
    assert verify(workshop, expect=0) == []


def test_a_training_that_failed_is_told_with_its_reason_and_what_served_serves_on(workshop):
    workshop.apply()
    workshop.fault("fail")
    workshop.want("numbers", **epochs(4))
    workshop.apply(expect=4)
    assert told(workshop) == ["promoted", "failed"]
    assert lines(workshop)[1]["error"]
    shown = workshop.run("history", "numbers").out
    assert lines(workshop)[1]["error"] in shown


def test_a_loss_that_is_no_number_is_counted(workshop):
    workshop.fault("nan,at=0.5")
    workshop.apply(expect=None)
    loss = lines(workshop)[0]["loss"]
    assert loss["nan"] > 0
    assert "NaN" in workshop.run("history", "numbers").out


def test_a_child_names_the_model_it_was_tuned_from(workshop):
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    workshop.apply()
    record = next(record for record in lines(workshop) if record["name"] == "child")
    entry = workshop.entry("numbers")
    assert record["parent"] == {"name": "numbers", "resource": entry["resource"], "revision": entry["revision"]}
    assert record["baseModel"] == "models/text-bison-001"


def test_a_tuning_that_another_run_finishes_is_told_with_both(workshop):
    workshop.apply("--no-wait", environ={"TUNECTL_ACTOR": "ada"})
    assert not (workshop.root / LOG).exists()
    workshop.run("wait", environ={"TUNECTL_ACTOR": "grace"})
    (record,) = lines(workshop)
    assert (record["provenance"]["actor"], record["recordedBy"]["actor"]) == ("ada", "grace")
    assert "recorded by grace" in workshop.run("history", "numbers").out


def test_a_lost_lockfile_goes_on_with_the_chains_of_the_log(workshop):
    workshop.want("other", **epochs(5))
    workshop.apply()
    (workshop.root / "tunectl.lock").unlink()
    workshop.apply("--target", "numbers")
    assert told(workshop) == ["promoted", "promoted"]
    workshop.apply()
    assert told(workshop, "other") == ["promoted", "promoted"]
    assert verify(workshop, expect=0) == []


def test_a_rebuilt_lockfile_goes_on_with_them_too(workshop):
    workshop.apply()
    (workshop.root / "tunectl.lock").unlink()
    workshop.run("lock", "rebuild", "-y")
    assert told(workshop) == ["promoted", "rebuilt"]
    assert verify(workshop, expect=0) == []


def test_a_lockfile_of_an_older_version_begins_its_chains_with_the_next_change(workshop):
    workshop.apply()
    document = workshop.lockfile
    del document["models"]["numbers"]["history"]
    workshop.write("tunectl.lock", json.dumps(document))
    (workshop.root / LOG).unlink()
    assert workshop.run("history", "numbers").out == "numbers: no records yet.\n"
    workshop.want("numbers", **epochs(4))
    workshop.apply()
    assert told(workshop) == ["promoted", "deleted"]
    assert verify(workshop, expect=0) == []


# --- what it costs, and when it cannot be done ---------------------------------------------------------------------


def test_a_plan_and_an_apply_with_nothing_to_do_read_no_log_and_ask_no_git(workshop, monkeypatch):
    workshop.apply()
    before = (workshop.root / LOG).stat()

    def never(*_, **__):
        raise AssertionError("asked")

    monkeypatch.setattr(provenance, "read_provenance", never)
    monkeypatch.setattr(FileLineageLog, "read", never)
    monkeypatch.setattr(FileLineageLog, "append", never)
    workshop.run("plan")
    workshop.apply()
    workshop.run("drift")
    workshop.run("status")
    assert (workshop.root / LOG).stat() == before


def test_a_log_that_cannot_be_written_costs_a_warning_and_nothing_else(workshop):
    (workshop.root / LOG).mkdir()
    said = workshop.apply().err
    assert "what was done cannot be added to the lineage yet; the lockfile keeps it" in said
    assert len(workshop.lockfile["unwritten"]) == 1
    (workshop.root / LOG).rmdir()
    assert "1 record still in the lockfile alone" in workshop.run("lineage", "verify").out
    assert told(workshop) == ["promoted"]

    workshop.apply()

    assert "unwritten" not in workshop.lockfile
    assert [record["event"] for record in lines(workshop)] == ["promoted"]
    assert workshop.bought() == 1


def test_a_service_that_shows_no_curve_costs_a_record_its_curve_alone(workshop):
    workshop.fault("status,code=500,method=GET,path=tunedModels/numbers-[0-9a-f]+$,count=9999")
    workshop.apply()
    assert "loss" not in lines(workshop)[0]
    assert workshop.serving("numbers")


# --- chains that went apart ----------------------------------------------------------------------------------------


@pytest.fixture
def apart(workshop):
    """Two machines applied other settings from one lockfile; the logs were merged, and ours is the lockfile taken."""
    workshop.apply()
    files = ("tunectl.lock", LOG)
    shared = {name: (workshop.root / name).read_text() for name in files}
    workshop.want("numbers", temperature=0.5)
    workshop.apply()
    ours = {name: (workshop.root / name).read_text() for name in files}
    for name in files:
        workshop.write(name, shared[name])
    workshop.clock.advance(5)
    workshop.want("numbers", temperature=0.75)
    workshop.apply()
    theirs = (workshop.root / LOG).read_text()
    workshop.write("tunectl.lock", ours["tunectl.lock"])
    workshop.write(LOG, "".join(dict.fromkeys([*ours[LOG].splitlines(True), *theirs.splitlines(True)])))
    return workshop


def test_a_chain_that_went_apart_is_joined_by_a_record_and_nothing_is_rewritten(apart):
    assert verify(apart) == [("forked", "numbers", 3)]
    before = (apart.root / LOG).read_text()
    ended = apart.run("lineage", "mend", "-y")
    assert "numbers: joins the records that end with sha256:" in ended.err
    assert ended.out == f"{LOG}: 4 records of 1 name, every chain is whole.\n"
    assert (apart.root / LOG).read_text().startswith(before)
    merged = lines(apart)[-1]
    jsonschema.validate(merged, SCHEMA)
    assert (merged["event"], merged["prev"], merged["merges"]) == (
        "merged",
        lines(apart)[1]["hash"],
        [lines(apart)[2]["hash"]],
    )
    assert apart.entry("numbers")["history"] == {"records": 3, "head": merged["hash"]}
    assert "unwritten" not in apart.lockfile
    head = merged["merges"][0].removeprefix("sha256:")[:12]
    assert f"joins the records that end with {head}; `--chain {head}` shows them" in apart.run("history", "numbers").out
    assert told(apart) == ["promoted", "updated", "merged"]
    branch = apart.run("history", "numbers", "--chain", head, "--format", "json").json()["records"]
    assert [record["event"] for record in branch] == ["updated", "promoted"]
    apart.want("numbers", temperature=0.25)
    apart.apply()
    assert verify(apart, expect=0) == []
    assert apart.bought() == 1


def test_nothing_is_written_where_nothing_went_apart_or_nobody_agreed(apart):
    before = (apart.root / LOG).read_bytes(), (apart.root / "tunectl.lock").read_bytes()
    assert "nobody can be asked here" in apart.fails(64, "lineage", "mend")
    assert "did you mean numbers?" in apart.fails(64, "lineage", "mend", "number", "-y")
    assert before == ((apart.root / LOG).read_bytes(), (apart.root / "tunectl.lock").read_bytes())
    apart.run("lineage", "mend", "numbers", "-y", "-q")
    after = (apart.root / "tunectl.lock").read_bytes()
    assert "No chain has gone apart; nothing was written." in apart.run("lineage", "mend", "-y").err
    assert (apart.root / "tunectl.lock").read_bytes() == after


def test_what_cannot_be_joined_is_told_still(apart):
    spoil(apart, 3, steps=7)
    document = apart.run("lineage", "mend", "-y", "--format", "json", expect=1).json()
    assert {found["fault"] for found in document["breaks"]} == {"altered", "forked"}


# --- what was done to a log ----------------------------------------------------------------------------------------


@pytest.fixture
def past(workshop):
    """Two names with a past: numbers with three records, other with one."""
    workshop.want("other", **epochs(6))
    workshop.apply()
    workshop.want("numbers", **epochs(4))
    workshop.apply()
    assert [(record["name"], record["number"]) for record in lines(workshop)] == [
        ("numbers", 1),
        ("other", 1),
        ("numbers", 2),
        ("numbers", 3),
    ]
    return workshop


def test_a_log_that_nobody_touched_is_whole(past):
    assert past.run("lineage", "verify").out == f"{LOG}: 4 records of 2 names, every chain is whole.\n"


def test_an_altered_record_is_named_with_its_line_and_what_differs(past):
    spoil(past, 3, steps=7)
    ended = past.run("lineage", "verify", expect=1)
    assert ended.out.startswith(f"{LOG}:3: altered: numbers: record 2 was altered")
    assert "steps 7, in the lockfile 30" in ended.out
    assert "1 chain of 2 not whole" in ended.out
    assert verify(past, "other", expect=0) == []
    assert verify(past, "numbers") == [("altered", "numbers", 3)]


def test_a_record_that_was_taken_out_is_missed(past):
    past.write(LOG, "\n".join(json.dumps(record) for record in lines(past) if record["number"] != 2) + "\n")
    assert verify(past) == [("removed", "numbers", 3)]
    shown = past.run("history", "numbers")
    assert "this is not all" in shown.err
    assert "deleted" in shown.out


def test_a_log_that_was_cut_off_is_noticed_by_the_lockfile(past):
    past.write(LOG, "".join(json.dumps(record) + "\n" for record in lines(past)[:2]))
    assert verify(past) == [("truncated", "numbers", 1)]
    assert "counts 3 of its records, and the last one is number 1" in past.run("lineage", "verify", expect=1).out


def test_a_log_that_is_gone_is_noticed_by_the_lockfile(past):
    (past.root / LOG).unlink()
    assert verify(past) == [("truncated", "numbers", None), ("truncated", "other", None)]


def test_a_line_that_was_cut_in_the_middle_is_named(past):
    past.write(LOG, (past.root / LOG).read_bytes()[:-40])
    assert ("broken", None, 4) in verify(past)


def test_the_log_of_another_project_is_not_taken_for_ours(past):
    theirs = [json.dumps(record | {"project": "theirs"}) for record in lines(past)]
    past.write(LOG, "\n".join(theirs) + "\n")
    assert {fault for fault, _, _ in verify(past)} == {"foreign"}


def test_an_older_lockfile_does_not_know_the_newest_records(past):
    backup = (past.root / "tunectl.lock").read_bytes()
    past.want("other", **epochs(7))
    past.apply()
    past.write("tunectl.lock", backup)
    assert verify(past) == [("unknown", "other", 5)]


def test_what_an_apply_adds_to_a_spoiled_log_does_not_mend_it(past):
    spoil(past, 3, steps=7)
    past.want("numbers", **epochs(5))
    past.apply()
    assert verify(past) == [("altered", "numbers", 3)]


def test_two_branches_that_were_merged_line_by_line_are_whole(past):
    """A merge that keeps the lines of both sides puts them in any order."""
    past.write(LOG, "".join(json.dumps(record) + "\n" for record in reversed(lines(past))))
    assert verify(past, expect=0) == []


def test_an_unknown_name_is_told_with_the_one_that_may_be_meant(past):
    for command in (("history", "numbrs"), ("lineage", "verify", "numbrs")):
        assert "numbrs: no model of that name is or was recorded; did you mean numbers?" in past.fails(64, *command)


def test_history_shows_the_newest_first_and_no_more_than_asked(past):
    shown = past.run("history", "numbers", "-n", "1").out
    assert shown.splitlines()[0].split()[:4] == ["NO", "TIME", "EVENT", "MODEL"]
    assert shown.splitlines()[1].split()[0] == "3"
    assert "numbers: 3 records, 2 of them not shown" in shown
    document = past.run("history", "numbers", "-n", "2", "--format", "json").json()
    assert ([record["number"] for record in document["records"]], document["omitted"]) == ([3, 2], 1)
    page = past.run("history", "numbers", "--format", f"markdown={past.root}/page.md").out
    assert page
    assert (past.root / "page.md").read_text().count("\n| ") == 5


def test_hostile_text_in_a_record_commands_neither_terminal_nor_page(past):
    spoil(past, 4, error="\x1b]0;owned\x07\n::error::x <script>", time="<b>\x1b[2J")
    text = past.run("history", "numbers").out + past.run("lineage", "verify", expect=1).out
    page = past.run("history", "numbers", "--format", "markdown").out
    assert "\x1b" not in text + page
    assert "\n::" not in text
    assert "<script>" not in page


def test_history_and_verify_need_no_service(past):
    past.emulator.clear_requests()
    past.run("history", "numbers")
    past.run("lineage", "verify")
    assert past.requests() == []


# --- in a bucket ---------------------------------------------------------------------------------------------------


class Bucket:
    """Objects in memory behind the addresses of a bucket."""

    def __init__(self):
        self.blobs = {}

    def open(self, address):
        bucket = self

        class Blob(MemoryBlobStore):
            def beside(self, suffix):
                return bucket.open(address + suffix)

        return self.blobs.setdefault(address, Blob(address=address))


def test_the_log_of_a_lockfile_in_a_bucket_stands_beside_it(workshop, monkeypatch):
    bucket = Bucket()
    monkeypatch.setattr(Records, "_open_bucket", lambda _, address: bucket.open(address))
    address = "gs://bucket/team/tunectl.lock"
    workshop.project(lockfile=address)
    workshop.apply()
    workshop.want("numbers", **epochs(4))
    workshop.apply()
    log = bucket.blobs[f"{address}.lineage.jsonl"]
    assert log.read().data.count(b"\n") == 3
    assert told(workshop) == ["promoted", "promoted", "deleted"]
    assert verify(workshop, expect=0) == []
    log.delete(expect=log.read().version)
    assert verify(workshop) == [("truncated", "numbers", None)]


def test_the_session_opens_the_real_store_of_a_bucket_once(workshop, monkeypatch):
    """Lockfile, lease and log share one client and one proof of the bucket."""
    opened = []

    def fake(address, **_):
        opened.append(address)
        return Bucket().open(address)

    monkeypatch.setattr("reconciler.stores.bucket_open.open_bucket", fake)
    workshop.project(lockfile="gs://bucket/tunectl.lock")
    config = wiring.open_project(workshop.root, None)
    with workshop_session(config) as session:
        session.store()
        session.lineage()
    assert opened == ["gs://bucket/tunectl.lock"]


def workshop_session(config):
    from reconciler.project.overrides import Overrides  # noqa: PLC0415  only here

    return Session(config, Overrides(), report=lambda _: None)


def test_a_line_that_no_name_can_be_read_from_is_counted_as_a_line(past):
    with (past.root / LOG).open("a") as log:
        log.write("<<<<<<< HEAD\n")
    ended = past.run("lineage", "verify", expect=1)
    assert f"{LOG}:5: broken: the line is no JSON" in ended.out
    assert ended.out.endswith(f"{LOG}: 1 line that no chain of this lockfile accounts for.\n")


def test_chains_and_lines_are_not_added_up(past):
    text = (past.root / LOG).read_text()
    past.write(LOG, "\n".join(text.splitlines()[:3]) + "\n{")
    assert "1 chain of 2 not whole." in past.run("lineage", "verify", expect=1).out


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_on_a_terminal_the_past_keeps_to_its_width_and_loses_nothing(workshop, monkeypatch, width):
    workshop.apply()
    workshop.want("numbers", **epochs(5))
    workshop.apply()
    whole = workshop.run("history", "numbers").out
    assert " COMMIT " in whole  # a column without a cell, as these records come from no commit
    monkeypatch.setattr("reconciler.cli.commands.history.columns", lambda: width)
    narrow = workshop.run("history", "numbers").out
    assert max(map(len, narrow.splitlines())) <= width
    words, kept = (set(text.lower().replace(",", " ").split()) for text in (whole, narrow))
    assert words - {"commit"} <= kept
    assert ("MODEL" in narrow) == (width > 60)
