"""Permissions and ownership."""

from __future__ import annotations

import pytest

GRANTS = "tunedModels/m/permissions"
USER = {"granteeType": "USER", "emailAddress": "a@example.com", "role": "READER"}


@pytest.fixture
def model(api, emulator):
    emulator.settings.accounts = {"a": "a@example.com", "b": "b@example.com"}
    api.create()
    return api


def as_(token: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {token}"}}


def test_the_creator_is_the_owner(model):
    (owner,) = model.ok("GET", GRANTS)["permissions"]
    assert owner == {
        "name": owner["name"],
        "granteeType": "USER",
        "emailAddress": "user@example.com",
        "role": "OWNER",
    }
    assert owner["name"].startswith("tunedModels/m/permissions/")


@pytest.mark.parametrize("version", ["v1beta", "v1beta3"])
def test_a_permission_lives_from_create_to_delete(model, version):
    granted = model.ok("POST", f"/{version}/{GRANTS}", USER)
    assert {name: granted[name] for name in USER} == USER
    path = f"/{version}/{granted['name']}"
    assert model.ok("GET", path) == granted
    changed = model.ok("PATCH", f"{path}?updateMask=role", {"role": "WRITER"})
    assert changed == {**granted, "role": "WRITER"}
    assert model.ok("DELETE", path) == {}
    assert model.fails("GET", path)[:2] == (404, "NOT_FOUND")


def test_addresses_have_no_case(model):
    model.ok("POST", GRANTS, USER)
    again = model.fails("POST", GRANTS, {**USER, "emailAddress": "A@Example.COM"})
    assert again[:2] == (409, "ALREADY_EXISTS")


def test_everyone_has_no_address(model):
    granted = model.ok("POST", f"{GRANTS}?%24alt=json%3Benum-encoding%3Dint", {"granteeType": 3, "role": 3})
    assert granted == {"name": granted["name"], "granteeType": 3, "role": 3}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**USER, "emailAddress": ""}, "emailAddress is required"),
        ({**USER, "emailAddress": "nobody"}, "emailAddress is required"),
        ({**USER, "granteeType": "EVERYONE"}, "emailAddress must not be set"),
        ({**USER, "granteeType": 0}, "granteeType is required"),
        ({**USER, "granteeType": 9}, "granteeType is required"),
        ({**USER, "role": "OWNER"}, "role is required"),
        ({**USER, "role": None}, "role is required"),
        ({}, "role is required"),
    ],
)
def test_a_permission_names_whom_and_what(model, body, reason):
    assert reason in model.refused("POST", GRANTS, body)


def test_a_grantee_has_one_permission(model):
    model.ok("POST", GRANTS, USER)
    assert model.fails("POST", GRANTS, {**USER, "role": "WRITER"})[:2] == (409, "ALREADY_EXISTS")
    model.ok("POST", GRANTS, {**USER, "granteeType": "GROUP"})


@pytest.mark.parametrize("mask", ["", "emailAddress", "role,granteeType", "*"])
def test_only_the_role_can_be_patched(model, mask):
    name = model.ok("POST", GRANTS, USER)["name"]
    assert "updateMask" in model.refused("PATCH", f"{name}?updateMask={mask}", {"role": "WRITER"})


def test_the_owners_permission_cannot_be_changed_or_deleted(model):
    (owner,) = model.ok("GET", GRANTS)["permissions"]
    assert "transferOwnership" in model.refused("PATCH", f"{owner['name']}?updateMask=role", {"role": "READER"})
    assert "transferOwnership" in model.refused("DELETE", owner["name"])


def test_permissions_come_in_pages_of_ten(model):
    for number in range(12):
        model.ok("POST", GRANTS, {**USER, "emailAddress": f"u{number}@example.com"})
    first = model.ok("GET", GRANTS)
    rest = model.ok("GET", f"{GRANTS}?pageToken={first['nextPageToken']}")
    assert (len(first["permissions"]), len(rest["permissions"])) == (10, 3)
    assert "nextPageToken" not in rest


def test_roles_are_concentric(model):
    patch = ("PATCH", "tunedModels/m?updateMask=description", {"description": "x"})
    assert model.fails("GET", "tunedModels/m", **as_("a"))[0] == 403
    name = model.ok("POST", GRANTS, USER)["name"]
    assert model.ok("GET", "tunedModels/m", **as_("a"))["name"] == "tunedModels/m"
    assert model.fails(*patch, **as_("a"))[0] == 403
    assert model.fails("POST", GRANTS, {**USER, "emailAddress": "b@example.com"}, **as_("a"))[0] == 403
    model.ok("PATCH", f"{name}?updateMask=role", {"role": "WRITER"})
    model.ok(*patch, **as_("a"))
    model.ok("POST", GRANTS, {**USER, "emailAddress": "b@example.com"}, **as_("a"))
    assert model.fails("DELETE", "tunedModels/m", **as_("a"))[0] == 403
    assert model.ok("DELETE", "tunedModels/m") == {}


def test_ownership_moves_and_the_old_owner_becomes_a_writer(model):
    model.ok("POST", GRANTS, USER)
    assert (
        model.fails("POST", "tunedModels/m:transferOwnership", {"emailAddress": "a@example.com"}, **as_("a"))[0] == 403
    )
    assert model.ok("POST", "tunedModels/m:transferOwnership", {"emailAddress": "a@example.com"}) == {}
    roles = {p["emailAddress"]: p["role"] for p in model.ok("GET", GRANTS)["permissions"]}
    assert roles == {"user@example.com": "WRITER", "a@example.com": "OWNER"}
    assert model.fails("DELETE", "tunedModels/m")[0] == 403
    assert model.ok("DELETE", "tunedModels/m", **as_("a")) == {}


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1beta3"])
def test_a_transfer_needs_an_address(model, version):
    assert "emailAddress" in model.refused("POST", f"/{version}/tunedModels/m:transferOwnership", {})


def test_permissions_of_a_missing_model_or_permission_are_not_found(model):
    assert model.fails("GET", "tunedModels/none/permissions")[0] == 404
    assert model.fails("PATCH", f"{GRANTS}/99?updateMask=role", {"role": "READER"})[0] == 404
    assert model.fails("DELETE", f"{GRANTS}/99")[0] == 404
