"""A script for ``pyln-client``, unmodified, against two nodes that have no channel. Run by test_pyln_client.py.

Arguments: the sockets of the two nodes. Prints one JSON object with what the client saw.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

from pyln.client import LightningRpc, Millisatoshi, RpcError  # type: ignore[import-not-found]


def code_of(call: Callable[..., object], *arguments: object, **named: object) -> int:
    """The code of the error that a call raises."""
    try:
        call(*arguments, **named)
    except RpcError as error:
        return int(error.error["code"])
    raise AssertionError(f"{call} did not fail")


def main() -> None:
    """Use the client's own methods, as its documentation shows them."""
    logging.disable()
    alice, bob = (LightningRpc(path) for path in sys.argv[1:])
    at = bob.getinfo()["binding"][0]
    bob_id = bob.getinfo()["id"]
    seen: dict[str, Any] = {
        "connected": alice.connect(bob_id, at["address"], at["port"])["id"] == bob_id,
        "peers": [peer["id"] == bob_id for peer in alice.listpeers()["peers"]],
        "peer": alice.getpeer(bob_id)["connected"],
        "nobody": alice.getpeer(alice.getinfo()["id"]),
    }
    made = alice.invoice(Millisatoshi("5sat"), "tea", "a cup of tea", expiry=60)
    seen["amount"] = alice.decode(made["bolt11"])["amount_msat"]
    alice.invoice("any", "open", "an open amount")
    seen["labels"] = [row["label"] for row in alice.listinvoices()["invoices"]]
    seen["one"] = len(alice.listinvoices("tea")["invoices"])
    seen["duplicate"] = code_of(alice.invoice, 1, "tea", "again")
    seen["bad amount"] = code_of(alice.invoice, 0, "x", "y")
    seen["unknown command"] = code_of(alice.call, "nothing")
    seen["unknown parameter"] = code_of(alice.call, "getinfo", {"x": 1})
    seen["not written here"] = code_of(alice.listchannels)
    with alice.reply_filter({"network": True}):
        seen["filtered"] = alice.getinfo()
    seen["any method"] = alice.listinvoices(label="open")["invoices"][0]["status"]
    seen["help"] = alice.help("stop")["help"][0]["command"]
    alice.disconnect(bob_id)
    seen["left"] = alice.listpeers()["peers"]
    seen["stopped"] = [rpc.stop() for rpc in (alice, bob)]
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
