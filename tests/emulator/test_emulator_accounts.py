"""Credentials: accepted by default, required on demand, refused in the service's words."""

from __future__ import annotations

import pytest
from emulator_kit import tuned

QUOTA = {"x-goog-user-project": "p"}


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer anything"}, {"x-goog-api-key": "anything"}])
def test_by_default_everything_is_accepted(api, headers):
    assert api.ok("GET", "tunedModels", headers=headers) == {}


def test_without_credentials_a_strict_emulator_answers_401(api, emulator):
    emulator.settings.require_auth = True
    response = api.send("GET", "tunedModels")
    error = response.json()["error"]
    assert (response.status_code, error["status"]) == (401, "UNAUTHENTICATED")
    assert error["message"].startswith("Request is missing required authentication credential.")
    assert error["details"][0]["reason"] == "CREDENTIALS_MISSING"
    assert "Bearer" in response.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": "Bearer good"}, ""),
        ({"authorization": "bearer  good "}, ""),
        ({"x-goog-api-key": "good"}, ""),
        ({}, "key=good"),
        ({}, "access_token=good"),
    ],
)
@pytest.mark.parametrize("accounts", [{}, {"good": "me@example.com"}])
def test_credentials_come_in_headers_or_the_query(api, emulator, headers, query, accounts):
    emulator.settings.require_auth = True
    emulator.settings.accounts = accounts
    assert api.ok("GET", f"tunedModels?{query}", headers=headers) == {}


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"authorization": "Bearer bad"}, 401, "Request had invalid authentication credentials."),
        ({"x-goog-api-key": "bad"}, 400, "API key not valid. Please pass a valid API key."),
        ({"authorization": "Basic good"}, 401, "Request is missing required authentication credential."),
    ],
)
def test_bad_credentials_are_refused_in_the_services_words(api, emulator, headers, status, said):
    emulator.settings.require_auth = True
    emulator.settings.accounts = {"good": "me@example.com"}
    response = api.send("GET", "tunedModels", headers=headers)
    assert response.status_code == status
    assert response.json()["error"]["message"].startswith(said)


def test_a_token_needs_a_quota_project_where_that_is_asked_for(api, emulator):
    emulator.settings.require_quota_project = True
    token = {"authorization": "Bearer x"}
    status, name, message = api.fails("GET", "tunedModels", headers=token)
    assert (status, name) == (403, "PERMISSION_DENIED")
    assert "requires a quota project" in message
    assert api.ok("GET", "tunedModels", headers={**token, **QUOTA}) == {}
    assert api.ok("GET", "tunedModels", headers={"x-goog-api-key": "x"}) == {}


def test_each_account_sees_its_own_models(api, emulator):
    emulator.settings.accounts = {"a": "a@example.com", "b": "b@example.com"}
    a, b = ({"authorization": f"Bearer {name}"} for name in "ab")
    api.ok("POST", "tunedModels?tunedModelId=m", tuned(), headers=a)
    assert len(api.ok("GET", "tunedModels", headers=a)["tunedModels"]) == 1
    assert api.ok("GET", "tunedModels", headers=b) == {}
    assert api.fails("POST", "tunedModels?tunedModelId=m", tuned(), headers=b)[:2] == (403, "PERMISSION_DENIED")
    assert api.fails("POST", "tunedModels?tunedModelId=m", tuned(), headers=a)[:2] == (409, "ALREADY_EXISTS")
