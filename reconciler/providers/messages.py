"""Google's JSON answers as they come in: only the fields that are used, unknown ones ignored, shapes checked.

protobuf's JSON mapping is taken as it is: integers may be numbers or strings, zeros are left out, NaN is a string.
pydantic validates the raw bytes, and what it complains about is told without quoting them.
"""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.providers.faults import Answer

__all__ = ["CONFIG", "decode"]

CONFIG: Final = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)
"""How the messages of an API are read."""

_Kind = TypeVar("_Kind", bound=BaseModel)


def decode(kind: type[_Kind], answer: Answer) -> _Kind:
    """Read an answer's body.

    Raises:
        MalformedAnswer: it is no JSON, is cut short, or has another shape; what and where, never the body.
    """
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        raise answer.malformed("the answer is no JSON, or cut short", hint="check provider.endpoint; try again")
    raise answer.malformed(f"the answer's {where or 'top'} is not what the API has there: {first['type']}")
