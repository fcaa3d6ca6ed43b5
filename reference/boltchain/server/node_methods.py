"""RPC methods about the node itself, and about how to call it."""

from __future__ import annotations

from typing import Any

from boltchain.addresses import script_of
from boltchain.descriptors import script_of_descriptor, with_checksum
from boltchain.server.answers import NETWORK, bitcoin
from boltchain.server.node import RegtestNode
from boltchain.server.parameters import NOT_FOUND, Failure, as_text
from boltchain.server.registry import METHODS, method, usage

VERSION = 290_000
"""The version of Bitcoin Core whose answers are given here."""


@method
def getnetworkinfo(node: RegtestNode) -> dict[str, Any]:
    """What the node is: one without a network."""
    return {
        "version": VERSION,
        "subversion": "/boltchain/",
        "protocolversion": 0,
        "connections": 0,
        "networkactive": False,
        "relayfee": bitcoin(node.policy.min_relay_sat_per_kvb),
        "incrementalfee": bitcoin(node.policy.incremental_sat_per_kvb),
        "warnings": [],
    }


@method
def getdescriptorinfo(node: RegtestNode, descriptor: Any) -> dict[str, Any]:
    """A descriptor with its checksum."""
    del node
    text = as_text(descriptor, "descriptor")
    try:
        script_of_descriptor(text, NETWORK)
    except ValueError as failure:
        raise Failure(NOT_FOUND, str(failure)) from failure
    return {"descriptor": with_checksum(text), "isrange": False, "issolvable": False, "hasprivatekeys": False}


@method
def validateaddress(node: RegtestNode, address: Any) -> dict[str, Any]:
    """Whether an address is one of this network, and its script."""
    del node
    text = as_text(address, "address")
    try:
        script = script_of(text, NETWORK)
    except ValueError as failure:
        return {"isvalid": False, "error": str(failure)}
    return {"isvalid": True, "address": text, "scriptPubKey": script.hex()}


@method
def help(node: RegtestNode, command: Any = None) -> str:  # noqa: A001  # the method's name
    """The methods, or how to call one."""
    del node
    if command is None:
        return "\n".join(usage(name) for name in sorted(METHODS))
    name = as_text(command, "command")
    if name not in METHODS:
        return f"help: unknown command: {name}"
    return f"{usage(name)}\n\n{METHODS[name].__doc__}"
