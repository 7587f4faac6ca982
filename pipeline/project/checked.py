"""Documents with known keys: a mistake in one is named with its place and what to write instead."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import isclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pipeline.project.errors import ChurnError

RESTORE = "Put the file back from a copy."

T = TypeVar("T")
Keys = tuple[str | int, ...]

_SHOWN = 10
_LONGEST = 60
# pydantic's words → a reader's
_PHRASES = (
    (r"^Input should be ", ""),
    (r"^String should have at least 1 character", "text that is not empty"),
    (r"^Tuple should have at least (\d+) item.*", r"a list of \1 or more"),
    (r"^a valid date.*", "a day, YYYY-MM-DD"),
    (r"^a valid array", "a list"),
    (r"^(an object|a valid dictionary)", "keys with values"),
    (r"^a valid string", "text"),
    (r"^a valid integer", "a whole number"),
    (r"^a (valid|finite) number", "a number"),
    (r"^a valid boolean", "true or false"),
    (r"greater than or equal to (\S+)", r"\1 or more"),
    (r"less than or equal to (\S+)", r"at most \1"),
    (r"greater than (\S+)", r"above \1"),
    (r"less than (\S+)", r"below \1"),
)


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a document.

    Attributes:
        keys: Way to it.
        what: One sentence.
        hint: What to do about it; empty where nothing helps.
    """

    keys: Keys
    what: str
    hint: str


def checked(
    kind: type[T],
    document: Any,
    place: Callable[[Keys], str],
    hint: str = "",
) -> T:
    """Read a document as a model, or a mapping of models.

    Args:
        kind: The model; its fields' descriptions are the hints.
        document: What a file holds, as JSON or YAML gives it.
        place: Says where a key stands.
        hint: What to do about any mistake, beside what is said of each.

    Raises:
        ChurnError: Something is wrong; each mistake is named with its place.
    """
    text = json.dumps(document, default=str)
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        mistakes = list(_mistakes(kind, error, json.loads(text)))
    first, *others = mistakes
    if not others:
        said = f"{first.hint} {hint}".strip()
        raise ChurnError(first.what, where=place(first.keys), hint=said or None)
    lines = [f"{place(m.keys)}: {m.what} {m.hint}".rstrip() for m in mistakes[:_SHOWN]]
    if mistakes[_SHOWN:]:
        lines.append(f"and {len(mistakes) - _SHOWN} more")
    raise ChurnError(
        f"{len(mistakes)} keys are wrong.", where="\n".join(lines), hint=hint or "Fix these."
    )


def read_document(path: Path, hint: str) -> Any:
    """Read a JSON file.

    Raises:
        ChurnError: It is not there, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ChurnError(
            f"{path.name} cannot be read.", where=f"{path}: {problem}", hint=hint
        ) from problem


def read_checked(kind: type[T], path: Path, hint: str = RESTORE) -> T:
    """Read a JSON file as a model.

    Args:
        kind: The model.
        path: The file.
        hint: What to do where it is damaged.

    Raises:
        ChurnError: The file is damaged; each mistake is named.
    """
    document = read_document(path, hint)
    return checked(kind, document, lambda keys: in_file(path, keys), hint)


def in_file(path: Path, keys: Keys) -> str:
    """Return where a key of a file stands."""
    return f"{path}: {dotted(keys)}" if keys else str(path)


def dotted(keys: Keys) -> str:
    """Return the way to a key as a reader writes it: `ladder[0].when`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")


def _mistakes(kind: Any, error: ValidationError, document: Any) -> Iterator[Mistake]:
    """The mistakes of a document, one a key."""
    grouped: dict[Keys, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        grouped.setdefault(_keys_of(details, document), []).append(details)
    # a misspelt key is unknown, and missing under its right name: that is one mistake
    meant = {
        (*keys[:-1], _nearest(keys, kind))
        for keys, (details, *_) in grouped.items()
        if details["type"] == "extra_forbidden"
    }
    for keys, (details, *others) in grouped.items():
        context = details.get("ctx", {})
        if details["type"] == "wrong":
            yield Mistake(keys, context["says"], context["hint"])
        elif details["type"] == "inside":
            for mistake in _mistakes(context["kind"], context["error"], context["document"]):
                yield Mistake((*keys, *mistake.keys), mistake.what, mistake.hint)
        elif details["type"] == "extra_forbidden":
            yield Mistake(keys, f"Unknown key {keys[-1]!r}.", _names(keys, kind))
        elif details["type"] == "missing":
            if keys not in meant:
                yield Mistake(keys, f"The key {keys[-1]!r} is missing.", _description(keys, kind))
        else:
            what = f"{dotted(keys[-1:]) or 'It'} is {_short(_value(document, keys))}"
            should = _should([details, *others])
            yield Mistake(keys, f"{what}; it should be {should}.", _description(keys, kind))


def _keys_of(details: ErrorDetails, document: Any) -> Keys:
    """The way to what is wrong, without pydantic's names for the members of a union."""
    keys: list[str | int] = []
    for place, step in enumerate(details["loc"]):
        is_last = place == len(details["loc"]) - 1
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            if not (is_last and details["type"] == "missing"):
                continue
        keys.append(step)
    return (*keys, *details.get("ctx", {}).get("keys", ()))


def _field(keys: Keys, kind: Any) -> tuple[Any, FieldInfo | None]:
    """The type and the field that a key has, as far as the model knows it."""
    field = None
    for key in keys:
        members = _members(kind)
        kind = None
        for member in members:
            if isclass(member) and issubclass(member, BaseModel):
                if own := _fields(member).get(str(key)):
                    kind, field = own.annotation, own
            elif get_origin(member) in (dict, tuple, list):
                kind = get_args(member)[1 if get_origin(member) is dict else 0]
    return kind, field


def _members(kind: Any) -> tuple[Any, ...]:
    """The members of a union, else the type itself, without what is only an annotation."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(m for member in get_args(kind) for m in _members(member))
    return (kind,)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model under the names that its documents have."""
    fields = model.model_fields.items()
    return {str(field.validation_alias or name): field for name, field in fields}


def _siblings(keys: Keys, kind: Any) -> list[str]:
    """The keys that could stand where an unknown one does."""
    return sorted(
        name
        for member in _members(_field(keys[:-1], kind)[0])
        if isclass(member) and issubclass(member, BaseModel)
        for name in _fields(member)
    )


def _nearest(keys: Keys, kind: Any) -> str | None:
    return next(iter(get_close_matches(str(keys[-1]), _siblings(keys, kind), n=1)), None)


def _names(keys: Keys, kind: Any) -> str:
    """The hint for an unknown key."""
    if keys[-1] in ("true", "false"):
        return 'Put "yes" and "no" in quotes: YAML takes them for true and false.'
    if near := _nearest(keys, kind):
        return f"Did you mean {near!r}?"
    return f"Keys are: {', '.join(_siblings(keys, kind))}."


def _description(keys: Keys, kind: Any) -> str:
    field = _field(keys, kind)[1]
    return f"{dotted(keys[-1:])}: {field.description}." if field and field.description else ""


def _should(errors: list[ErrorDetails]) -> str:
    """What a value should be, from the words of every type it could have had."""
    said = []
    for details in errors:
        words = details["msg"]
        for pattern, phrase in _PHRASES:
            words = re.sub(pattern, phrase, words)
        said.append(words)
    if "a number" in said:
        said = [words for words in said if words != "a whole number"]
    return " or ".join(dict.fromkeys(said))


def _value(document: Any, keys: Keys) -> Any:
    for key in keys:
        document = document[key]
    return document


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
