"""The output descriptors that name one script, `raw(HEX)` and `addr(ADDRESS)`, and their checksum (BIP 380)."""

from __future__ import annotations

import re

from boltchain.addresses import script_of

_INPUT_CHARSET = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
_CHECKSUM_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)
_FORM = re.compile(r"(?P<body>(?P<kind>raw|addr)\((?P<argument>[^()]*)\))(?:#(?P<checksum>.*))?")


def script_of_descriptor(descriptor: str, network: str) -> bytes:
    """The output script that a descriptor names. ValueError if it is of another kind, or its checksum is wrong."""
    found = _FORM.fullmatch(descriptor)
    if found is None:
        msg = f"only raw(HEX) and addr(ADDRESS) are known here, not {descriptor!r}"
        raise ValueError(msg)
    if found["checksum"] is not None and found["checksum"] != checksum(found["body"]):
        msg = f"the checksum of {found['body']} is {checksum(found['body'])}, not {found['checksum']}"
        raise ValueError(msg)
    if found["kind"] == "addr":
        return script_of(found["argument"], network)
    return bytes.fromhex(found["argument"])


def with_checksum(descriptor: str) -> str:
    """The descriptor followed by its checksum, which may be there already."""
    body = descriptor.split("#", maxsplit=1)[0]
    return f"{body}#{checksum(body)}"


def checksum(body: str) -> str:
    """The eight characters after the number sign. ValueError for characters that no descriptor has."""
    symbols: list[int] = []
    groups: list[int] = []
    for character in body:
        value = _INPUT_CHARSET.index(character)
        symbols.append(value & 31)
        groups.append(value >> 5)
        if len(groups) == 3:
            symbols.append(groups[0] * 9 + groups[1] * 3 + groups[2])
            groups.clear()
    if groups:
        symbols.append(groups[0] if len(groups) == 1 else groups[0] * 3 + groups[1])
    state = _polymod([*symbols, 0, 0, 0, 0, 0, 0, 0, 0]) ^ 1
    return "".join(_CHECKSUM_CHARSET[state >> 5 * (7 - i) & 31] for i in range(8))


def _polymod(symbols: list[int]) -> int:
    state = 1
    for value in symbols:
        top = state >> 35
        state = (state & 0x7FFFFFFFF) << 5 ^ value
        for i, term in enumerate(_GENERATOR):
            state ^= term if top >> i & 1 else 0
    return state
