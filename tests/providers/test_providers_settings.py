"""What an endpoint may be, and that settings keep secrets to themselves."""

from __future__ import annotations

import pytest
from providers_kit import TurnedClock

from reconciler.core.resource import Remote
from reconciler.errors import UsageError
from reconciler.providers.registry import open_provider
from reconciler.providers.settings import ProviderSettings


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://generativelanguage.googleapis.com",
        "https://gateway.example:8443/palm/",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:80",
        "emulator",
    ],
)
def test_takes_https_and_loopback(endpoint):
    assert ProviderSettings(endpoint=endpoint).remote.endpoint == endpoint.rstrip("/")


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("http://generativelanguage.googleapis.com", "in the clear"),
        ("http://127.0.0.1.evil.example", "in the clear"),
        ("http://localhost.evil.example", "in the clear"),
        ("http://169.254.169.254", "in the clear"),
        ("https://user:canary@host", "more than host and path"),
        ("https://host/?key=canary", "more than host and path"),
        ("https://host/#canary", "more than host and path"),
        ("https://", "neither 'emulator' nor a URL"),
        ("https://host:port", "neither"),
        ("https://ho\x1bst", "neither"),
        ("ftp://host", "neither"),
        ("Emulator", "neither"),
        ("", "neither"),
        ("https://[", "neither"),
    ],
)
def test_refuses_what_would_leak_or_leads_nowhere(endpoint, message):
    with pytest.raises(UsageError, match=message) as caught:
        ProviderSettings(endpoint=endpoint)
    assert "canary" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("project", ["", "a b", "x\r\nauthorization: y", "é"])
def test_refuses_a_project_that_is_no_id(project):
    with pytest.raises(UsageError, match="is no project id"):
        ProviderSettings(project=project)


def test_does_not_show_credentials():
    shown = repr(ProviderSettings(access_token="canary-token", api_key="canary-key"))
    assert "canary" not in shown


def test_the_remote_is_what_the_lockfile_records():
    settings = ProviderSettings(endpoint="https://host/", project="p-1", location="us-central1")
    assert settings.remote == Remote("generativelanguage", "https://host", "p-1", "us-central1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "palm\x1b"}, r"provider.type: 'palm\\\\x1b' is not known"),
        ({"api_version": "v2"}, "provider.apiVersion: 'v2' is not known"),
        ({}, "emulator was not started"),
    ],
)
def test_an_unknown_provider_or_version_is_a_usage_error(settings, message):
    with pytest.raises(UsageError, match=message):
        open_provider(ProviderSettings(**settings), clock=TurnedClock(), report=lambda _event: None)
