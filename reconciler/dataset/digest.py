r"""The dataset digest: the only witness of what a model was tuned on, since the service never returns training data.

It is ``sha256:`` and 64 hexadecimal digits, taken over one line for each example, in order: the canonical JSON of
``[input, output]`` (``core.canonical``: UTF-8, no white space, nothing escaped that need not be) and a line feed::

    ["1","2"]\n["two","three"]\n

So format, column names, file name, line ends and blank lines make no difference; one character of one example, or the
order of two, does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from json.encoder import encode_basestring as _quoted

from reconciler.core.resource import Example

__all__ = ["digest_line", "digest_of", "input_line"]


def digest_line(text: str, output: str, *, errors: str = "strict") -> bytes:
    """Return the line of the digest that stands for one example.

    Raises:
        UnicodeEncodeError: the text holds half a surrogate pair, which UTF-8 cannot; ``errors`` as in ``str.encode``.
    """
    return f"[{_quoted(text)},{_quoted(output)}]\n".encode("utf-8", errors)


def input_line(text: str) -> bytes:
    """Return the canonical form of what an example gives the model; halves of surrogate pairs pass."""
    return _quoted(text).encode("utf-8", "surrogatepass")


def digest_of(examples: Iterable[Example]) -> str:
    """Return the digest of examples, wherever they come from."""
    total = hashlib.sha256()
    for example in examples:
        total.update(digest_line(example.input, example.output, errors="surrogatepass"))
    return f"sha256:{total.hexdigest()}"
