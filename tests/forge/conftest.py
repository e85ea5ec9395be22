"""A GitHub on loopback, and a connection to it whose clock only sleeping moves."""

from __future__ import annotations

import pytest
from fake_github import GitHub, serving

from reconciler.forge.client import Client
from reconciler.forge.place import place_of
from reconciler.testing.fakes import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def github():
    with serving(GitHub()) as github:
        yield github


@pytest.fixture
def told():
    return []


@pytest.fixture
def client(github, clock, told):
    with Client(place_of(github.environ), clock=clock, report=told.append) as client:
        yield client
