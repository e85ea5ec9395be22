"""One style for manifests: keys in order, two spaces a level, comments with their keys, and never another meaning."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.formatting import format_manifest

HEAD = "apiVersion: tunectl/v1\nkind: TunedModel\n"
BEFORE = """\
# yaml-language-server: $schema=../schemas/tunedmodel.schema.json


kind: TunedModel
apiVersion: tunectl/v1
spec:
    # warm
    temperature:    0.7   # very
    hyperparameters:
          batchSize: 2
          # how often
          epochCount: 3
    description: |
        white space@@@
          stays

        here
    permissions:
    - {role: READER, user: a@b.c}
    # another
    - role: WRITER
      group: g@b.c
    # the base
    baseModel: models/b
metadata:
  labels: {z: 1, a: 2}
  name: a
---
# the second
spec: {baseModel: models/x}@@@
kind: TunedModel
# the end
""".replace("@", " ")
AFTER = """\
# yaml-language-server: $schema=../schemas/tunedmodel.schema.json

apiVersion: tunectl/v1
kind: TunedModel
metadata:
  name: a
  labels: {z: 1, a: 2}
spec:
  description: |
      white space@@@
        stays

      here
  # the base
  baseModel: models/b
  hyperparameters:
    # how often
    epochCount: 3
    batchSize: 2
  # warm
  temperature: 0.7   # very
  permissions:
    - {role: READER, user: a@b.c}
    # another
    - role: WRITER
      group: g@b.c
---
# the second
kind: TunedModel
spec: {baseModel: models/x}
# the end
""".replace("@", " ")


def formatted(text: str) -> str:
    done = format_manifest(text.encode(), "a.yaml")
    assert done.text is not None, done.problems
    return done.text


def test_a_manifest_is_laid_out_as_the_documentation_lists_its_keys():
    assert formatted(BEFORE) == AFTER
    assert list(yaml.safe_load_all(AFTER)) == list(yaml.safe_load_all(BEFORE))


def test_formatting_twice_changes_nothing_more():
    assert formatted(formatted(BEFORE)) == formatted(BEFORE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("a: 1", "a: 1\n"),
        ("\ufeffa: 1\n", "a: 1\n"),
        ("a:  1   \n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"),
        ("a:  # why\n      b: 1\n", "a:  # why\n  b: 1\n"),
        ("# only a comment\n", "# only a comment\n"),
        (f"{HEAD}metadata: &m {{name: a}}\nspec: *m\n", f"{HEAD}metadata: &m {{name: a}}\nspec: *m\n"),
        (f"spec: &m {{name: a}}\n{HEAD}metadata: *m\n", f"spec: &m {{name: a}}\n{HEAD}metadata: *m\n"),
        ("kind: Other\napiVersion: x\n", "kind: Other\napiVersion: x\n"),
        ("unknown: 1\nkind: TunedModel\n", "kind: TunedModel\nunknown: 1\n"),
        ("text: 'a\n     b'\nmore: |\n  x  \n", "text: 'a\n     b'\nmore: |\n  x  \n"),
    ],
)
def test_white_space_order_and_what_is_left_alone(text, expected):
    assert formatted(text) == expected


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "a: *b\n"])
def test_what_cannot_be_read_is_a_problem_with_its_place(text):
    done = format_manifest(text.encode(), "a.yaml")
    assert done.text is None
    assert str(done.problems[0]).startswith("a.yaml:")


words = st.text(alphabet="abc xyz:#'\"-|>\n", max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)
specs = st.dictionaries(st.sampled_from(["temperature", "baseModel", "dataset", "lifecycle", "x"]), values, max_size=5)


@given(specs, st.integers(2, 6), st.booleans())
def test_whatever_a_file_says_it_says_still(spec, indent, flow):
    document = {"spec": spec, "kind": "TunedModel", "metadata": {"labels": {"b": "c"}, "name": "a"}}
    text = yaml.safe_dump(document, indent=indent, default_flow_style=None if flow else False, sort_keys=False)
    shaped = formatted(text)
    assert json.dumps(yaml.safe_load(shaped), sort_keys=True) == json.dumps(yaml.safe_load(text), sort_keys=True)
    assert formatted(shaped) == shaped
