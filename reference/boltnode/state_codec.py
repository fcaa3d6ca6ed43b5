"""States of the specification as bytes and back, exactly.

Works for every frozen dataclass, NamedTuple, enum and integer or set type of our packages, by looking at the class;
no state has to be registered. The text is JSON. A value that JSON has no form for is a list that begins with its
kind; instances of classes begin with an index into a table of the classes and their fields, which the text carries:

    {"codec": 1, "classes": [["boltspec.htlc:Htlc", "offerer", "id", …], ["boltspec.htlc:Side"]],
     "value": [0, [1, "LOCAL"], 7, …]}

So a state that was written before a field was added can still be read: the field takes its default. A field that has
gone, or an added one without default, is an error, which a migration of the database has to deal with.

Decoding makes instances of our classes and nothing else, whatever the bytes are.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias, cast

CODEC_VERSION: Final = 1
"""Of the form of the text, not of the classes in it."""
PACKAGES: Final = ("boltspec", "boltwire", "boltchain", "boltnode")
"""Where the classes of a state come from."""
MAX_DEPTH: Final = 64
"""Nesting of a state; real ones have about ten levels."""

_PLAIN: Final = frozenset((type(None), bool, int, str))
_TUPLE, _SET, _DICT, _BYTES = "tuple", "set", "dict", "bytes"

_Form: TypeAlias = Any
"""What the json module takes and gives."""


class StateCodecError(ValueError):
    """The value cannot be stored, or the bytes hold no state of this program."""


def encode_state(value: object) -> bytes:
    """``value`` as bytes; :class:`StateCodecError` if a part of it is mutable, or of a class that is not ours."""
    writer = _Writer()
    form = writer.form(value)
    text = {"codec": CODEC_VERSION, "classes": writer.table, "value": form}
    return json.dumps(text, separators=(",", ":"), ensure_ascii=False).encode()


def decode_state(data: bytes) -> Any:
    """The value that :func:`encode_state` made ``data`` of, each part of it of the same type.

    :class:`StateCodecError` for anything else, and for a class or a field that this program no longer has.
    """
    try:
        text = json.loads(data)
        if not isinstance(text, dict) or text.get("codec") != CODEC_VERSION:
            raise StateCodecError(f"not a state of codec version {CODEC_VERSION}")
        return _Reader(text["classes"]).value(text["value"])
    except StateCodecError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise StateCodecError(f"malformed state: {error!r}") from error


# --- classes ---


_Class: TypeAlias = type[Any]


def _name_of(cls: _Class) -> str:
    name = f"{cls.__module__}:{cls.__qualname__}"
    if cls.__module__.partition(".")[0] not in PACKAGES or _is_mutable(cls):
        raise StateCodecError(f"{name} is not an immutable class of {', '.join(PACKAGES)}")
    return name


def _is_mutable(cls: _Class) -> bool:
    return is_dataclass(cls) and not cls.__dataclass_params__.frozen  # type: ignore[attr-defined]


@cache
def _class_named(name: str) -> _Class:
    module, _, path = name.partition(":")
    if module.partition(".")[0] not in PACKAGES:
        raise StateCodecError(f"{name} is not a class of {', '.join(PACKAGES)}")
    try:
        found: object = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise StateCodecError(f"there is no class {name}") from error
    if not isinstance(found, type) or found.__module__ != module:
        raise StateCodecError(f"{name} is not a class")
    _name_of(found)
    return found


def _field_names(cls: _Class) -> tuple[str, ...]:
    if is_dataclass(cls):
        return tuple(field.name for field in fields(cls) if field.init)
    return tuple(getattr(cls, "_fields", ()))


class _Plan(NamedTuple):
    """How instances of a class are written."""

    row: list[str]
    """The class's row in the table."""
    values_of: Callable[[Any], tuple[Any, ...]] | None
    """Gets all fields of an instance at once; None for a class without fields."""


_PLANS: Final[dict[_Class, _Plan]] = {}
"""By class, as they are met."""


def _plan(cls: _Class) -> _Plan:
    names = _field_names(cls)
    values_of: Callable[[Any], tuple[Any, ...]] | None = None
    if len(names) == 1:
        values_of = lambda value: (getattr(value, names[0]),)  # noqa: E731  # attrgetter gives no tuple for one name
    elif names:
        values_of = attrgetter(*names)
    return _PLANS.setdefault(cls, _Plan([_name_of(cls), *names], values_of))


def _default(cls: _Class, name: str) -> object:
    """What an added field has in older states."""
    if not is_dataclass(cls):
        return cls._field_defaults[name]
    field: Field[Any] = cls.__dataclass_fields__[name]
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    raise KeyError(name)


# --- writing ---


class _Writer:
    """Builds the form of one value and the table of its classes.

    The hot path of every durable step: fields come out of a class in one call, plain ones are not looked at again, and
    an enum's member has the same form wherever it occurs.
    """

    def __init__(self) -> None:
        self.table: list[list[str]] = []
        self._indices: dict[_Class, int] = {}
        self._members: dict[int, _Form] = {}

    def form(self, value: object) -> _Form:
        """The form of any value."""
        cls: _Class = type(value)
        if cls in _PLAIN:
            return value
        if (member := self._members.get(id(value))) is not None:
            return member
        if (simple := _SIMPLE.get(cls)) is not None:
            return simple(self, value)
        plan = _PLANS.get(cls) or _plan(cls)
        index = self._indices.get(cls)
        if index is None:
            index = self._indices[cls] = len(self.table)
            self.table.append(plan.row)
        if isinstance(value, Enum):
            return self._members.setdefault(id(value), [index, value.name])
        if (values_of := plan.values_of) is not None:
            return [index, *[part if type(part) in _PLAIN else self.form(part) for part in values_of(value)]]
        return [index, self._content(value)]

    def _content(self, value: object) -> _Form:
        """Of a class without fields: a dataclass with none, or a subclass of an integer, text, bytes or set."""
        for base in (int, str, bytes, frozenset, tuple):
            if isinstance(value, base):
                plain: object = base(cast(Any, value))
                return self.form(plain)
        if is_dataclass(value):
            return None
        raise StateCodecError(f"{type(value).__qualname__} is no kind of value that a state may hold")

    def items(self, kind: str, values: Any) -> _Form:
        return [kind, *[self.form(value) for value in values]]

    def sorted_items(self, kind: str, values: Any) -> _Form:
        """A set has no order; equal sets are written alike all the same."""
        return [kind, *sorted((self.form(value) for value in values), key=json.dumps)]


_SIMPLE: Final[dict[type, Callable[[_Writer, Any], _Form]]] = {
    tuple: lambda writer, value: writer.items(_TUPLE, value),
    frozenset: lambda writer, value: writer.sorted_items(_SET, value),
    dict: lambda writer, value: writer.items(_DICT, value.items()),
    bytes: lambda _, value: [_BYTES, value.hex()],
}
"""Types of Python's own. A dict is mutable, but verdicts hold some and nobody changes them."""


# --- reading ---


class _Reader:
    """Makes values of forms, with the classes of the table."""

    def __init__(self, table: _Form) -> None:
        self._makers = [_maker(row) for row in table]

    def value(self, form: _Form, depth: int = 0) -> Any:
        if type(form) in _PLAIN:
            return form
        if type(form) is not list or depth >= MAX_DEPTH:
            raise StateCodecError("a value is neither plain nor a list, or is nested too deeply")
        kind, *items = form
        if kind == _BYTES:
            (text,) = items
            return bytes.fromhex(text)
        if type(kind) is int:
            if kind < 0:
                raise StateCodecError(f"no class has the index {kind}")
            make, enum = self._makers[kind]
            return make(items if enum else [self.value(item, depth + 1) for item in items])
        return _PYTHONS_OWN[kind]([self.value(item, depth + 1) for item in items])


_PYTHONS_OWN: Final[dict[str, Callable[[list[Any]], Any]]] = {_TUPLE: tuple, _SET: frozenset, _DICT: dict}

_Maker: TypeAlias = tuple[Callable[[list[Any]], Any], bool]
"""How to make an instance of the values of its fields, and whether these are to be taken as they are."""


def _maker(row: _Form) -> _Maker:
    name, *stored = row
    cls = _class_named(name)
    if issubclass(cls, Enum):
        return (lambda items: _member(cls, items)), True
    current = _field_names(cls)
    if gone := [field for field in stored if field not in current]:
        raise StateCodecError(f"{name} no longer has the fields {gone}")
    try:
        added = {field: _default(cls, field) for field in current if field not in stored}
    except KeyError as error:
        raise StateCodecError(f"{name} has a new field without default: {error}") from error
    if current:
        return (lambda items: cls(**dict(zip(stored, items, strict=True)), **added)), False
    if is_dataclass(cls):
        return (lambda items: _bare(cls, items)), False
    if not issubclass(cls, int | str | bytes | frozenset | tuple):
        raise StateCodecError(f"{name} is no kind of value that a state may hold")
    return (lambda items: _content(cls, items)), False


def _member(cls: type[Enum], items: list[Any]) -> Enum:
    (name,) = items
    return cls[name]


def _bare(cls: _Class, items: list[Any]) -> object:
    if items != [None]:
        raise StateCodecError(f"{cls.__qualname__} has no fields")
    return cls()


def _content(cls: _Class, items: list[Any]) -> object:
    (plain,) = items
    return cls(plain)
