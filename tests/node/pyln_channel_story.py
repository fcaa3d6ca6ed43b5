"""A script for ``pyln-client``, unmodified, that opens a channel, makes 100 payments and closes it.

Arguments: the sockets of the two nodes, port and credentials of their chain, address for the rewards. Prints one JSON
object with what the client saw. Run by test_pyln_client.py.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from pyln.client import LightningRpc  # type: ignore[import-not-found]

PAYMENTS = 100
PATIENCE_SECONDS = 60


def mine(port: str, credentials: str, address: str) -> None:
    """One block."""
    body = json.dumps({"id": 1, "method": "generatetoaddress", "params": [1, address]}).encode()
    authorization = base64.b64encode(credentials.encode()).decode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}", body, {"Authorization": f"Basic {authorization}"})
    urllib.request.urlopen(request).close()


def wait(condition: Callable[[], bool]) -> None:
    """Until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.02)


def main() -> None:
    """Use the client's own methods, as its documentation shows them."""
    logging.disable()
    alice, bob = (LightningRpc(path) for path in sys.argv[1:3])
    port, credentials, address = sys.argv[3:]
    bob_id, at = bob.getinfo()["id"], bob.getinfo()["binding"][0]
    wait(lambda: bool(alice.listfunds()["outputs"]))
    alice.connect(bob_id, at["address"], at["port"])
    opened = alice.fundchannel(bob_id, 1_000_000)
    mine(port, credentials, address)

    def state(node: Any) -> str:
        found: str = node.listpeerchannels(bob_id if node is alice else None)["channels"][0]["state"]
        return found

    wait(lambda: {state(alice), state(bob)} == {"CHANNELD_NORMAL"})
    statuses = []
    for number in range(PAYMENTS):
        made = bob.invoice(2_000_000 + number, f"payment {number}", "one of a hundred")
        statuses.append(alice.pay(made["bolt11"])["status"])
    wait(lambda: not bob.listpeerchannels()["channels"][0]["htlcs"])
    channel = bob.listpeerchannels()["channels"][0]
    closed = alice.close(bob_id)
    seen = {
        "txid": len(opened["txid"]),
        "statuses": sorted(set(statuses)),
        "payments": len(alice.listpays(status="complete")["pays"]),
        "paid": sum(row["status"] == "paid" for row in bob.listinvoices()["invoices"]),
        "received_msat": int(channel["to_us_msat"]),
        "closed": closed["type"],
    }
    mine(port, credentials, address)
    wait(lambda: {state(alice), state(bob)} == {"FUNDING_SPEND_SEEN"})
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
