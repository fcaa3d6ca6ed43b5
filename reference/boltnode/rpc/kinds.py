"""The kinds of parameters: what each takes, in words and in code.

Values come as JSON. Since a command line has no types, numbers and truth values may also come as text. A parser raises
ValueError; who calls it knows the parameter's name and says what was expected.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PublicKey

MAX_MSAT: Final = 21_000_000 * 10**8 * 1000
"""All the money there will ever be."""
MAX_INDEX: Final = 2**63 - 1
"""The greatest number that the database holds."""
MAX_TEXT: Final = 10_000
"""Characters of a text."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a parameter may be."""

    name: str
    """For the manual."""
    expected: str
    """Completes the sentence "should be …"."""
    parse: Callable[[Any], Any]
    """From JSON to the value that the command gets; ValueError or TypeError for anything else."""


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def _absent(_: object) -> None:
    raise ValueError


ABSENT: Final = Kind("unsupported", "absent: this node does not support it", _absent)

# --- numbers ---

_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def _whole(value: object) -> int:
    """A number, or text that is one. Truth values are none, though Python counts with them."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    _require(type(value) is int)
    assert isinstance(value, int)
    return value


def _up_to(most: int, least: int = 0) -> Callable[[object], int]:
    def parse(value: object) -> int:
        number = _whole(value)
        _require(least <= number <= most)
        return number

    return parse


U16: Final = Kind("u16", "an unsigned 16 bit integer", _up_to(2**16 - 1))
PORT: Final = Kind("port", "a port between 1 and 65535", _up_to(2**16 - 1, 1))
U32: Final = Kind("u32", "an unsigned 32 bit integer", _up_to(2**32 - 1))
INDEX: Final = Kind("u64", "an unsigned integer of at most 63 bits", _up_to(MAX_INDEX))
SECONDS: Final = Kind("seconds", "a number of seconds of at most 32 bits", _up_to(2**32 - 1))


def _boolean(value: object) -> bool:
    if isinstance(value, str):
        return {"true": True, "false": False}[value]
    _require(isinstance(value, bool))
    return bool(value)


def _percent(value: object) -> Decimal:
    """A share; JSON's fractions come as decimals, so that there is no float here either."""
    if isinstance(value, str):
        _require(re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,10})?", value, re.ASCII) is not None)
    elif not isinstance(value, Decimal):
        value = str(_whole(value))
    found = Decimal(value)
    _require(found.is_finite() and 0 <= found <= 100)
    return found


PERCENT: Final = Kind("percent", "a number from 0 to 100", _percent)

BOOLEAN: Final = Kind("boolean", "'true' or 'false'", _boolean)

# --- amounts ---

_AMOUNT: Final = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,11}))?(msat|sat|btc)?", re.ASCII)
_MSAT_PER_UNIT: Final = {"msat": 1, "sat": 1000, "btc": 10**11}


def _amount(value: object, plain_unit: str) -> int:
    """An amount in millisatoshi; a plain number counts ``plain_unit``."""
    if not isinstance(value, str):
        value = str(_whole(value))
    match = _AMOUNT.fullmatch(value)
    if match is None:
        raise ValueError
    whole, fraction, unit = match.groups()
    _require(fraction is None or unit is not None)
    found = Decimal(f"{whole}.{fraction or 0}") * _MSAT_PER_UNIT[unit or plain_unit]
    _require(found == int(found) and found <= MAX_MSAT)
    return int(found)


def _msat(value: object) -> int:
    return _amount(value, "msat")


def _positive_msat(value: object) -> int:
    amount = _msat(value)
    _require(amount > 0)
    return amount


def _msat_or_any(value: object) -> int | None:
    return None if value == "any" else _positive_msat(value)


def _sat_or_all(value: object) -> int | None:
    if value == "all":
        return None
    satoshi, rest = divmod(_amount(value, "sat"), 1000)
    _require(rest == 0 and satoshi > 0)
    return satoshi


MSAT: Final = Kind("msat", "a millisatoshi amount", _msat)
POSITIVE_MSAT: Final = Kind("msat", "a positive millisatoshi amount", _positive_msat)
MSAT_OR_ANY: Final = Kind("msat or any", "a positive millisatoshi amount or 'any'", _msat_or_any)
SAT_OR_ALL: Final = Kind("sat or all", "a positive satoshi amount or 'all'", _sat_or_all)

MOST_FEERATE_PER_KW: Final = 125_000
"""Satoshi per 1000 weight units: as much as the node offers by itself. More is a slip of the hand."""
FEERATE_NAMES: Final = ("urgent", "normal", "slow", "minimum")
_FEERATE: Final = re.compile(r"([0-9]{1,9})(perkw|perkb)?", re.ASCII)


def _feerate(value: object) -> str | int:
    """A name, or satoshi per 1000 weight units; as with Core Lightning, a plain number is per kilobyte."""
    if value in FEERATE_NAMES:
        return str(value)
    match = _FEERATE.fullmatch(value if isinstance(value, str) else str(_whole(value)))
    if match is None:
        raise ValueError
    number, unit = int(match[1]), match[2]
    per_kw = number if unit == "perkw" else -(-number // 4)
    _require(0 < per_kw <= MOST_FEERATE_PER_KW)
    return per_kw


FEERATE: Final = Kind(
    "feerate",
    f"a feerate: one of {', '.join(FEERATE_NAMES)}, or NUMBERperkw or NUMBERperkb, {MOST_FEERATE_PER_KW}perkw at most",
    _feerate,
)

# --- bytes ---


def _hex(value: object) -> bytes:
    _require(isinstance(value, str) and re.fullmatch(r"(?:[0-9a-fA-F]{2})*", value, re.ASCII) is not None)
    return bytes.fromhex(str(value))


def _hash(value: object) -> bytes:
    found = _hex(value)
    _require(len(found) == 32)
    return found


def _node_id(value: object) -> bytes:
    found = _hex(value)
    PublicKey(found)
    return found


class Outpoint(NamedTuple):
    """An output of a transaction."""

    txid: bytes
    """In the order in which people read it."""
    output: int


def _outpoint(value: object) -> Outpoint:
    _require(isinstance(value, str))
    txid, _, index = str(value).partition(":")
    return Outpoint(_hash(txid), _up_to(2**32 - 1)(index))


HASH: Final = Kind("hash", "a 32 byte hex value", _hash)
NODE_ID: Final = Kind("pubkey", "a node id", _node_id)
SHORT_CHANNEL_ID: Final = Kind("short_channel_id", "a short_channel_id of form NxNxN", ShortChannelId.parse)

# --- text ---


def _text(value: object) -> str:
    _require(isinstance(value, str) and len(value) <= MAX_TEXT and "\0" not in value)
    str(value).encode()  # lone surrogates cannot be stored
    return str(value)


def _label(value: object) -> str:
    found = _text(value if isinstance(value, str) else str(_whole(value)))
    _require(found != "")
    return found


TEXT: Final = Kind("string", f"a string of at most {MAX_TEXT} characters", _text)
LABEL: Final = Kind("label", "a string or number", _label)


def _peer_at(value: object) -> "PeerAt":
    """``ID``, ``ID@HOST``, ``ID@HOST:PORT``, ``ID@[V6]:PORT``."""
    node_id, at, address = _text(value).partition("@")
    if not at:
        return PeerAt(_node_id(node_id), None, None)
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(?::([0-9]{1,5}))?", address)
    if match is None:
        raise ValueError
    return PeerAt(_node_id(node_id), match[1].strip("[]"), None if match[2] is None else PORT.parse(match[2]))


class PeerAt(NamedTuple):
    """A node and, perhaps, where it is."""

    node_id: bytes
    host: str | None
    port: int | None


PEER_AT: Final = Kind("string", "a node id, or ID@HOST, or ID@HOST:PORT", _peer_at)

# --- compositions ---


def one_of(*values: str) -> Kind:
    """One of several words."""

    def parse(value: object) -> str:
        _require(isinstance(value, str) and value in values)
        return str(value)

    return Kind("string", f"one of {', '.join(values)}", parse)


def list_of(kind: Kind, most: int = 100) -> Kind:
    """An array of values of one kind."""

    def parse(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError
        return tuple(kind.parse(item) for item in value)

    return Kind(f"array of {kind.name}", f"an array of at most {most} values that are each {kind.expected}", parse)


UTXOS: Final = list_of(Kind("outpoint", "a txid:outnum", _outpoint))
ADDRESSES: Final = list_of(TEXT)
