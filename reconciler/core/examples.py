r"""Training examples in their canonical form: what the dataset digest, the names of uploads and comparisons rest on.

An example that is no more than an input and an output is the canonical JSON (``core.canonical``: UTF-8, no white space,
nothing escaped that need not be) of the two in a list, and a line feed. One with a context has that as a third item: an
object with those of ``completions``, ``system`` and ``turns`` that it has::

    ["1","2"]\n
    ["and seven?","eight",{"system":"Count.","turns":[["user","six?"],["model","seven"]]}]\n

The dataset digest is ``sha256:`` and 64 hexadecimal digits, taken over these lines in order. So format, spelling,
column names, file name, line ends and blank lines make no difference; one character of one example, or the order of
two, does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from json.encoder import encode_basestring as _quoted

from reconciler.core.canonical import canonical_json
from reconciler.core.resource import Context, Example

__all__ = ["asked_line", "asked_of", "characters_of", "digest_line", "digest_of"]


def digest_line(text: str, output: str, context: Context | None = None, *, errors: str = "strict") -> bytes:
    """Return the line of the digest that stands for one example.

    Raises:
        UnicodeEncodeError: the text holds half a surrogate pair, which UTF-8 cannot; ``errors`` as in ``str.encode``.
    """
    if context is None:
        return f"[{_quoted(text)},{_quoted(output)}]\n".encode("utf-8", errors)
    return f"[{_quoted(text)},{_quoted(output)},{_written(context)}]\n".encode("utf-8", errors)


def asked_line(text: str, context: Context | None = None) -> bytes:
    """Return the canonical form of all that an example gives the model; halves of surrogate pairs pass."""
    if context is None or not (context.system or context.turns):
        return _quoted(text).encode("utf-8", "surrogatepass")
    asked = Context(context.system, context.turns)
    return f"[{_quoted(text)},{_written(asked)}]".encode("utf-8", "surrogatepass")


def asked_of(text: str, context: Context | None) -> Hashable:
    """Return all that an example gives the model, as a value to compare: the input, and what was said before it."""
    return text if context is None or not (context.system or context.turns) else (text, context.system, context.turns)


def characters_of(text: str, output: str, context: Context | None) -> int:
    """Return the number of characters that a training reads of one example."""
    if context is None:
        return len(text) + len(output)
    said = sum(len(words) for _, words in context.turns) + len(context.system or "")
    answers = sum(len(words) for _, words in context.completions) if context.completions else len(output)
    return len(text) + said + answers


def digest_of(examples: Iterable[Example]) -> str:
    """Return the digest of examples, wherever they come from."""
    total = hashlib.sha256()
    for example in examples:
        total.update(digest_line(example.input, example.output, example.context, errors="surrogatepass"))
    return f"sha256:{total.hexdigest()}"


def _written(context: Context) -> str:
    parts = []
    if context.completions:
        scored = (f"[{_number(score)},{_quoted(words)}]" for score, words in context.completions)
        parts.append(f'"completions":[{",".join(scored)}]')
    if context.system is not None:
        parts.append(f'"system":{_quoted(context.system)}')
    if context.turns:
        said = (f"[{_quoted(role)},{_quoted(words)}]" for role, words in context.turns)
        parts.append(f'"turns":[{",".join(said)}]')
    return f"{{{','.join(parts)}}}"


def _number(score: float) -> str:
    return canonical_json(score).decode()
