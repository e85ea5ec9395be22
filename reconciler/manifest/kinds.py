"""What a field of a document may hold: the types the document models are made of, each with its phrase for messages.

``Expect`` finishes the sentence "must be …". ``Maybe`` is a key that may be left out but, unlike ``X | None`` in
pydantic, may not be written as null: an empty ``gate:`` should not read as "no gate".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema  # noqa: TC002  pydantic reads the annotations of its hooks

from reconciler.core.address import NAME
from reconciler.manifest import duration

T = TypeVar("T")

_INT32 = 2**31 - 1
_FLOAT32_LEAST, _FLOAT32_MOST = 1e-37, 3e38
_DEAREST = 1e9
PROJECT_NAME = "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"


@dataclass(frozen=True, slots=True)
class Expect:
    """How a message says what a field takes; ``ceiling`` is used instead for numbers beyond the technical maximum."""

    phrase: str
    ceiling: str | None = None


class _NotNull:
    """Takes null out of what pydantic accepts for ``X | None``, and out of the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return schema["schema"] if schema["type"] == "nullable" else schema


Maybe = Annotated[T | None, _NotNull()]


NEVER = "never"
"""What stands for the last day of what has none, on purpose."""


def _check_day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _check_last_day(text: str) -> str:
    return text if text == NEVER else _check_day(text)


def _check_duration(text: str) -> str:
    duration.parse_duration(text)
    return text


Text = Annotated[str, Expect("text")]
Question = Annotated[str, Field(pattern=r"\S"), Expect("a question in words")]
Anything = Annotated[Any, Expect("any value")]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$"), Expect("one line of text of at least 1 character")]
Path = Annotated[str, Field(min_length=1), Expect("the path of a file, relative to this one")]
Paths = Annotated[list[Line], Field(min_length=1), Expect("a list of at least 1 path")]
Command = Annotated[list[Text], Field(min_length=1), Expect("a program and its arguments, as a list")]
Key = Annotated[str, Field(min_length=1), Expect("the name of a column")]
Flag = Annotated[bool, Expect("true or false")]
Name = Annotated[
    str,
    Field(pattern=f"^{NAME.pattern}$"),
    Expect("lower-case letters, digits and '-', starting with a letter, at most 63 characters"),
]
ProjectName = Annotated[
    str,
    Field(pattern=PROJECT_NAME),
    Expect("letters, digits and '-', starting and ending with a letter or digit, at most 63 characters"),
]
Count = Annotated[
    int, Field(ge=1, le=_INT32), Expect("a whole number of at least 1", ceiling=f"a whole number of at most {_INT32:,}")
]
Tally = Annotated[
    int, Field(ge=0, le=_INT32), Expect("a whole number of at least 0", ceiling=f"a whole number of at most {_INT32:,}")
]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), Expect("a number from 0 to 1")]
Rate = Annotated[
    float,
    Field(ge=_FLOAT32_LEAST, le=_FLOAT32_MOST, allow_inf_nan=False),
    Expect("a number above 0", ceiling="a number that a 32-bit float can hold"),
]
Number = Annotated[float, Field(allow_inf_nan=False), Expect("a number")]
Margin = Annotated[float, Field(ge=0, allow_inf_nan=False), Expect("a number of at least 0")]
Amount = Annotated[
    float,
    Field(ge=0, le=_DEAREST, allow_inf_nan=False),
    Expect("a number of at least 0", ceiling="a number of at most 1,000,000,000"),
]
Ratio = Annotated[
    float, Field(gt=0, le=1000, allow_inf_nan=False), Expect("a number above 0", ceiling="a number of at most 1,000")
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$"), Expect("a currency of three capital letters, such as USD")]
Model = Annotated[
    str,
    Field(pattern="^[A-Za-z0-9][A-Za-z0-9._/@:-]{0,255}$"),
    Expect("the name of a model, such as models/text-bison-001"),
]
CryptoKey = Annotated[
    str,
    Field(pattern="^projects/[^/\\s]+/locations/[^/\\s]+/keyRings/[^/\\s]+/cryptoKeys/[^/\\s]+$"),
    Expect("the name of a key: projects/P/locations/L/keyRings/R/cryptoKeys/K"),
]
Email = Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$", max_length=320), Expect("an e-mail address")]
Duration = Annotated[
    str,
    AfterValidator(_check_duration),
    Field(json_schema_extra={"pattern": duration.PATTERN}),
    Expect("a duration such as 24h, 30m, 90s or 1d"),
]
Day = Annotated[
    str, AfterValidator(_check_day), Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), Expect("a day such as 2027-01-31")
]
LastDay = Annotated[
    str,
    AfterValidator(_check_last_day),
    Field(pattern=f"^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{NEVER})$"),
    Expect(f"a day such as 2027-01-31, or {NEVER}"),
]
BUCKET = r"^gs://[a-z0-9][a-z0-9._-]+(/[^\s]*)?$"
Bucket = Annotated[str, Field(pattern=BUCKET), Expect("a place such as gs://bucket/prefix")]
OBJECT_URI = r"^gs://[a-z0-9][a-z0-9._-]+/[^\s#?]*[^\s#?/]$"
ObjectUri = Annotated[str, Field(pattern=OBJECT_URI), Expect("an object such as gs://bucket/data.jsonl")]
CLOUD_NAME = "^[a-z0-9][a-z0-9.:-]{0,126}$"
CloudName = Annotated[str, Field(pattern=CLOUD_NAME), Expect("lower-case letters, digits, '-', '.' and ':'")]
