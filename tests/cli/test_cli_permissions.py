"""Who may use a model, from the manifest to the service and back, and what happens when the service refuses."""

from __future__ import annotations

import pytest

READER, WRITER = "READER", "WRITER"
ADA = {"role": READER, "user": "ada@example.com"}
MATH = {"role": READER, "group": "math@example.com"}
EVERYONE = {"role": READER, "everyone": True}


@pytest.fixture
def shared(workshop):
    """A project whose model Ada may ask."""
    workshop.want("numbers", permissions=[ADA])
    workshop.apply()
    return workshop


def roles(workshop, name="numbers"):
    """What the service has: grantees and their roles."""
    store = workshop.emulator.world.store
    with store.reading():
        model = store.find(workshop.entry(name)["resource"].removeprefix("tunedModels/"))
        return {p.email or p.type.lower(): p.role for p in store.permissions(model.seq)}


def give(workshop, email, role=READER):
    """Somebody shares the model behind our back."""
    store = workshop.emulator.world.store
    with store.writing():
        model = store.find(workshop.serving("numbers").removeprefix("tunedModels/"))
        store.grant(model.seq, type="USER", email=email, role=role)


OWNER = {"user@example.com": "OWNER"}


def test_permissions_live_from_the_manifest_to_the_service_and_back(shared):
    assert roles(shared) == {**OWNER, "ada@example.com": READER}
    assert shared.plan()["actions"] == []
    shared.want("numbers", permissions=[{**ADA, "role": WRITER}, EVERYONE])
    (action,) = shared.plan()["actions"]
    assert (action["action"], [(c["path"], c["before"], c["after"], c["effect"]) for c in action["changes"]]) == (
        "update",
        [
            ("spec.permissions[everyone]", None, READER, "update"),
            ("spec.permissions[user:ada@example.com]", READER, WRITER, "update"),
        ],
    )
    shared.apply()
    assert roles(shared) == {**OWNER, "ada@example.com": WRITER, "everyone": READER}
    shared.want("numbers", permissions=[])
    shared.apply()
    assert roles(shared) == OWNER
    assert shared.plan()["actions"] == []
    assert shared.bought() == 1


def test_a_key_that_is_taken_out_manages_nothing_any_more(shared):
    shared.want("numbers")
    assert shared.plan()["actions"] == []
    shared.run("drift")
    assert roles(shared) == {**OWNER, "ada@example.com": READER}


def test_the_plan_of_a_new_model_says_who_will_have_it(workshop):
    workshop.want("numbers", permissions=[MATH])
    text = workshop.run("plan").out
    assert 'spec.permissions[group:math@example.com]: (not set) -> "READER"' in text


def test_an_approval_covers_the_sharing_of_a_first_model_whose_end_was_only_waited_for(workshop):
    workshop.want("numbers", permissions=[ADA])
    digest = workshop.plan()["digest"]
    workshop.apply("--no-wait", "--expect-digest", digest)
    assert "apply shares before it serves: numbers" in workshop.run("wait").out
    assert roles(workshop) == OWNER
    assert "ready, not shared yet" in workshop.run("status").out
    assert "is ready; apply shares it before it serves" in workshop.run("plan").out
    assert "serves nothing yet" in workshop.fails(1, "generate", "numbers", "4")
    workshop.run("drift")
    workshop.apply("--expect-digest", digest)
    assert roles(workshop) == {**OWNER, "ada@example.com": READER}
    assert workshop.plan()["actions"] == []
    assert (workshop.bought(), workshop.entry("numbers")["state"]) == (1, "ready")


def test_a_manifest_that_begins_to_declare_permissions_has_moved(workshop):
    workshop.apply()
    give(workshop, "eve@example.com")
    workshop.run("drift")
    workshop.want("numbers", permissions=[])
    (drift,) = workshop.run("drift", "--format", "json", expect=2).json()["drift"]
    assert (drift["kind"], drift["path"], drift["before"], drift["after"]) == (
        "manifest",
        "spec.permissions[user:eve@example.com]",
        READER,
        None,
    )
    workshop.apply()
    workshop.run("drift")


def test_a_replacement_is_shared_before_it_serves(shared):
    shared.want("numbers", permissions=[ADA], hyperparameters={"epochCount": 9})
    shared.emulator.clear_requests()
    shared.apply()
    sharing = [(m, p) for m, p in shared.requests() if m in {"POST", "DELETE"} and p != "tunedModels"]
    granted, deleted = sharing
    assert granted == ("POST", f"{shared.serving('numbers')}/permissions")
    assert deleted[0] == "DELETE"


def test_addresses_have_no_case(shared):
    shared.want("numbers", permissions=[{"role": READER, "user": "Ada@Example.COM"}])
    assert shared.plan()["actions"] == []


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ([ADA, {"role": WRITER, "user": "ADA@example.com"}], "spec.permissions[1]: a second role for ada@example.com"),
        ([EVERYONE, EVERYONE], "spec.permissions[1]: a second role for everyone"),
        ([{"role": "OWNER", "user": "a@b"}], "permissions[0].role: must be READER or WRITER, not 'OWNER'"),
    ],
)
def test_what_cannot_be_meant_is_an_error_with_its_place(workshop, permissions, expected):
    workshop.want("numbers", permissions=permissions)
    err = workshop.fails(1, "validate")
    assert expected in err
    assert "manifests/numbers.yaml:" in err


def test_a_role_that_was_given_outside_is_drift_and_the_next_apply_takes_it_away(shared):
    give(shared, "eve@example.com", WRITER)
    drift = shared.run("drift", "--format", "json", expect=2).json()["drift"]
    assert [(d["kind"], d["path"], d["before"], d["after"]) for d in drift] == [
        ("widened", "spec.permissions[user:eve@example.com]", None, WRITER)
    ]
    assert "permissions widened: user:eve@example.com" in shared.run("drift", expect=2).out
    shared.apply()
    assert roles(shared) == {**OWNER, "ada@example.com": READER}
    shared.run("drift")


def test_mending_drift_alone_takes_away_what_was_given_outside_and_no_more(shared):
    give(shared, "eve@example.com", WRITER)
    shared.want("numbers", permissions=[ADA, MATH])
    shared.apply("--only", "drift")
    assert roles(shared) == {**OWNER, "ada@example.com": READER}
    assert shared.entry("numbers")["spec"]["permissions"] == [ADA]
    ((_, update),) = shared.kinds()
    assert update == "update"


def test_a_role_that_was_taken_outside_is_drift_too(shared):
    store = shared.emulator.world.store
    with store.writing():
        model = store.find(shared.serving("numbers").removeprefix("tunedModels/"))
        store.revoke(next(p.id for p in store.permissions(model.seq) if p.role == READER))
    (drift,) = shared.run("drift", "--format", "json", expect=2).json()["drift"]
    assert (drift["kind"], drift["before"], drift["after"]) == ("narrowed", READER, None)
    shared.apply()
    assert roles(shared) == {**OWNER, "ada@example.com": READER}


def test_ignored_permissions_are_given_to_a_new_model_and_left_alone_after(shared):
    shared.want("numbers", permissions=[ADA], lifecycle={"ignore": ["permissions"]})
    give(shared, "eve@example.com")
    shared.emulator.clear_requests()
    assert shared.plan()["actions"] == []
    shared.run("drift")
    assert not any(path.endswith("/permissions") for _, path in shared.requests())
    shared.apply("--replace", "numbers")
    assert roles(shared) == {**OWNER, "ada@example.com": READER}


def test_permissions_that_may_not_be_listed_end_with_3_and_change_nothing(shared):
    shared.fault("status,code=403,path=permissions,method=GET,count=9")
    err = shared.fails(3, "plan")
    assert "numbers: " in err
    assert "list permissions in lifecycle.ignore" in err
    shared.emulator.faults.clear()
    assert shared.plan()["actions"] == []


def test_a_grant_that_is_refused_fails_its_model_and_leaves_the_old_one_serving(shared):
    old = shared.serving("numbers")
    shared.want("numbers", permissions=[ADA], hyperparameters={"epochCount": 9})
    shared.want("other")
    shared.fault("status,code=403,path=permissions,method=POST")
    ended = shared.apply(expect=4)
    assert "permission of user:ada@example.com" in ended.text
    assert shared.serving("other")
    assert shared.serving("numbers") == old
    assert shared.bought() == 3
    assert shared.kinds() == [("numbers", "wait")]
    shared.apply()
    assert shared.bought() == 3
    assert shared.serving("numbers") != old
    assert roles(shared) == {**OWNER, "ada@example.com": READER}
    assert shared.plan()["actions"] == []


@pytest.mark.parametrize("fault", ["status,code=429", "status,code=503,count=20", "drop,count=20", "drop,after=true"])
def test_a_grant_without_quota_or_answer_is_finished_by_the_next_apply(shared, fault):
    shared.want("numbers", permissions=[ADA, MATH])
    shared.fault(f"{fault},path=permissions,method=POST")
    shared.apply(expect=None)
    shared.emulator.faults.clear()
    shared.apply()
    assert roles(shared) == {**OWNER, "ada@example.com": READER, "math@example.com": READER}
    assert shared.plan()["actions"] == []


def test_a_saved_plan_with_permissions_is_what_is_applied(shared):
    shared.want("numbers", permissions=[ADA, MATH])
    shared.run("plan", "--out", "plan.json")
    shared.want("numbers", permissions=[ADA, MATH, EVERYONE])
    shared.apply("plan.json", expect=6)
    shared.want("numbers", permissions=[MATH, ADA])
    shared.apply("plan.json")
    assert roles(shared) == {**OWNER, "ada@example.com": READER, "math@example.com": READER}


def test_destroying_asks_for_no_permissions(shared):
    shared.emulator.clear_requests()
    shared.run("destroy", "-y")
    assert not any("permissions" in path for _, path in shared.requests())


def test_a_transfer_makes_somebody_else_the_owner_and_says_what_that_means(shared):
    ended = shared.run("transfer", "numbers", "ada@example.com", "-y")
    assert "belongs to ada@example.com now" in ended.out
    assert "becomes a WRITER and cannot take it back" in ended.err
    assert "list the owner of today there as WRITER" in ended.err
    assert roles(shared) == {"user@example.com": WRITER, "ada@example.com": "OWNER"}
    shared.want("numbers", permissions=[{"role": WRITER, "user": "user@example.com"}])
    assert shared.plan()["actions"] == []
    again = shared.fails(3, "transfer", "numbers", "eve@example.com", "-y", "-q")
    assert "transfer tunedModels/" in again


@pytest.mark.parametrize("kept", [None, READER])
def test_a_plan_that_would_lock_the_former_owner_out_is_refused_with_its_place_and_the_way_past(shared, kept):
    shared.run("transfer", "numbers", "ada@example.com", "-y")
    assert shared.entry("numbers")["formerOwners"] == ["user:user@example.com"]
    me = {"user": "user@example.com"}
    shared.want("numbers", permissions=[MATH] if kept is None else [MATH, {"role": kept, **me}])
    refused = shared.apply(expect=5).text
    assert "manifests/numbers.yaml:" in refused
    assert f"numbers: spec.permissions {'leaves out' if kept is None else 'makes a READER of'} user:user@" in refused
    assert "{role: WRITER, user: user@example.com}" in refused
    assert "--allow-lockouts 1 allows exactly this plan" in refused
    assert roles(shared) == {"user@example.com": WRITER, "ada@example.com": "OWNER"}
    shared.want("numbers", permissions=[MATH, {"role": WRITER, **me}])
    shared.apply()
    shared.want("numbers", permissions=[])
    shared.run("plan", expect=5)
    shared.apply("--allow-lockouts", "1")
    assert roles(shared) == {"ada@example.com": "OWNER"}


def test_a_model_that_is_made_after_a_transfer_belongs_to_whoever_made_it(shared):
    shared.run("transfer", "numbers", "ada@example.com", "-y")
    shared.want("numbers", permissions=[], hyperparameters={"epochCount": 4})
    assert shared.plan()["violations"] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("number", "ada@example.com", "-y"), "did you mean numbers?"),
        (("numbers", "ada", "-y"), "'ada' is no e-mail address"),
        (("numbers", "a@b\x1b[31m", "-y"), "is no e-mail address"),
        (("numbers", "ada@example.com"), "nobody can be asked here"),
    ],
)
def test_a_transfer_that_cannot_be_meant_sends_nothing(shared, arguments, expected):
    shared.emulator.clear_requests()
    assert expected in shared.fails(64, "transfer", *arguments)
    assert shared.requests() == []


def test_a_model_that_is_not_ready_is_not_transferred(workshop):
    workshop.apply("--no-wait", expect=None)
    assert "serves nothing yet" in workshop.fails(1, "transfer", "numbers", "ada@example.com", "-y")
