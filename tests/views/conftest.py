"""Golden files: what a view shows, to be read in a review. UPDATE_GOLDEN=1 writes them anew."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


@pytest.fixture
def golden():
    def check(name, text):
        path = FOLDER / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
