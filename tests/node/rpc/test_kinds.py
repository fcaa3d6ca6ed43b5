"""What each kind of parameter takes, and the nearest thing that it does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltnode.rpc import kinds
from boltnode.rpc.kinds import MAX_MSAT, MAX_TEXT, Kind, Outpoint, PeerAt
from boltwire.secp256k1 import PrivateKey

ID = PrivateKey(b"\7" * 32).public_key.encoded
HEX = ID.hex()
HASH = "ab" * 32

ACCEPTED: list[tuple[Kind, object, object]] = [
    (kinds.U16, 0, 0),
    (kinds.U16, 65_535, 65_535),
    (kinds.U16, "12", 12),
    (kinds.PORT, 1, 1),
    (kinds.U32, 2**32 - 1, 2**32 - 1),
    (kinds.INDEX, 2**63 - 1, 2**63 - 1),
    (kinds.SECONDS, 0, 0),
    (kinds.PERCENT, Decimal("0.5"), Decimal("0.5")),
    (kinds.PERCENT, "100", Decimal(100)),
    (kinds.PERCENT, 0, Decimal(0)),
    (kinds.BOOLEAN, True, True),
    (kinds.BOOLEAN, "false", False),
    (kinds.MSAT, 0, 0),
    (kinds.MSAT, "7", 7),
    (kinds.MSAT, "7msat", 7),
    (kinds.MSAT, "7sat", 7_000),
    (kinds.MSAT, "1.5sat", 1_500),
    (kinds.MSAT, "0.00000000001btc", 1),
    (kinds.MSAT, "21000000btc", MAX_MSAT),
    (kinds.MSAT, MAX_MSAT, MAX_MSAT),
    (kinds.POSITIVE_MSAT, 1, 1),
    (kinds.MSAT_OR_ANY, "any", None),
    (kinds.MSAT_OR_ANY, 1, 1),
    (kinds.SAT_OR_ALL, "all", None),
    (kinds.SAT_OR_ALL, 1, 1),
    (kinds.SAT_OR_ALL, "2000msat", 2),
    (kinds.SAT_OR_ALL, "0.00000001btc", 1),
    (kinds.FEERATE, "urgent", "urgent"),
    (kinds.FEERATE, "253perkw", 253),
    (kinds.FEERATE, "1013perkb", 254),
    (kinds.FEERATE, 1012, 253),
    (kinds.FEERATE, "125000perkw", 125_000),
    (kinds.HASH, HASH.upper(), bytes.fromhex(HASH)),
    (kinds.NODE_ID, HEX, ID),
    (kinds.SHORT_CHANNEL_ID, "1x2x3", (1 << 40) + (2 << 16) + 3),
    (kinds.TEXT, "", ""),
    (kinds.TEXT, "ü" * MAX_TEXT, "ü" * MAX_TEXT),
    (kinds.LABEL, 7, "7"),
    (kinds.LABEL, "x", "x"),
    (kinds.PEER_AT, HEX, PeerAt(ID, None, None)),
    (kinds.PEER_AT, f"{HEX}@localhost", PeerAt(ID, "localhost", None)),
    (kinds.PEER_AT, f"{HEX}@127.0.0.1:9735", PeerAt(ID, "127.0.0.1", 9735)),
    (kinds.PEER_AT, f"{HEX}@[::1]:9735", PeerAt(ID, "::1", 9735)),
    (kinds.PEER_AT, f"{HEX}@[::1]", PeerAt(ID, "::1", None)),
    (kinds.UTXOS, [], ()),
    (kinds.UTXOS, [f"{HASH}:1"], (Outpoint(bytes.fromhex(HASH), 1),)),
    (kinds.ADDRESSES, ["a", "b"], ("a", "b")),
    (kinds.one_of("a", "b"), "b", "b"),
]


def of(kind: Kind, *values: object) -> list[tuple[Kind, object]]:
    return [(kind, value) for value in values]


REFUSED: list[tuple[Kind, object]] = [
    *of(kinds.U16, -1, 65_536, "65536", "-1", "", "1.0", "٣", True, Decimal("1.0"), [1], {}, 1.0),
    *of(kinds.PORT, 0, 65_536),
    (kinds.U32, 2**32),
    (kinds.INDEX, 2**63),
    (kinds.INDEX, "9" * 5000),
    *of(kinds.PERCENT, -1, 101, "x", "NaN", "inf", True, Decimal("100.1"), []),
    *of(kinds.BOOLEAN, 1, 0, "yes", "True", "", []),
    *of(kinds.MSAT, -1, "-1", "1.5", "1.5msat", "0.0001sat", "0.000000000001btc", "msat", "1 sat"),
    *of(kinds.MSAT, MAX_MSAT + 1, "21000001btc", Decimal("1.0"), True, "1SAT", "٣msat", [], "1e3"),
    (kinds.POSITIVE_MSAT, 0),
    *of(kinds.MSAT_OR_ANY, 0, "ANY", "all"),
    *of(kinds.SAT_OR_ALL, 0, "any", "1500msat", "1001msat", -5, True),
    *of(kinds.FEERATE, 0, "0perkw", "fast", "10perkg", "9999999999", "125001perkw", "500001perkb", -1, True),
    *of(kinds.HASH, HASH[:-2], HASH + "00", HASH[:-1] + "g", HASH[:-1], 7, b""),
    *of(kinds.NODE_ID, HEX[2:], "04" + HEX[2:], "02" + "ff" * 32, "", 3),
    *of(kinds.SHORT_CHANNEL_ID, "1x2", "1:2:3", "16777216x1x1", 5),
    *of(kinds.TEXT, "x" * (MAX_TEXT + 1), "a\0b", "\ud800", 7, None, []),
    *of(kinds.LABEL, "", True, [], Decimal("1.5")),
    *(
        (kinds.PEER_AT, value)
        for value in (f"{HEX}@", f"{HEX}@:1", f"{HEX}@h:0", f"{HEX}@h:65536", f"{HEX}@::1", "x@h:1")
    ),
    *of(kinds.UTXOS, "x", [HASH], [f"{HASH}:"], [f"{HASH}:4294967296"], [7], [f"{HASH}:0"] * 101),
    (kinds.one_of("a", "b"), "c"),
    (kinds.ABSENT, 0),
]


@pytest.mark.parametrize(("kind", "value", "meaning"), ACCEPTED)
def test_accepted(kind: Kind, value: object, meaning: object) -> None:
    found = kind.parse(value)
    assert found == meaning
    assert type(found) is type(meaning) or kind is kinds.SHORT_CHANNEL_ID


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_refused(kind: Kind, value: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        kind.parse(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
EVERY_KIND = sorted({kind.expected: kind for kind, *_ in ACCEPTED}.values(), key=lambda kind: kind.expected)


@given(st.sampled_from(EVERY_KIND), JSON)
def test_any_json_is_accepted_or_refused(kind: Kind, value: Any) -> None:
    try:
        kind.parse(value)
    except (ValueError, TypeError, KeyError):
        return


@given(st.integers(0, MAX_MSAT), st.sampled_from(["", "msat", "sat", "btc"]))
def test_amounts_are_exact_in_every_unit(amount_msat: int, unit: str) -> None:
    per_unit = {"": 1, "msat": 1, "sat": 1000, "btc": 10**11}[unit]
    whole, rest = divmod(amount_msat, per_unit)
    digits = len(str(per_unit)) - 1
    text = f"{whole}.{rest:0{digits}}{unit}" if rest else f"{whole}{unit}"
    assert kinds.MSAT.parse(text) == amount_msat
