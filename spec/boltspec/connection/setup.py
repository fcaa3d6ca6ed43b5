"""The ``init`` message (BOLT 1): what a node may say of itself, and when it hangs up."""

from __future__ import annotations

from dataclasses import replace

from boltspec.connection.features import missing_dependencies, unknown_required
from boltspec.connection.messages import Init
from boltspec.connection.state import CLOSE, Connection
from boltspec.rules import require
from boltspec.verdict import receives, sends


@sends
def send_init(state: Connection, message: Init) -> Connection:
    """Say first of all which features we have and require; again on every connection."""
    bits, node = message.features, state.node
    require(not state.sent_init, "D01-init-s-01")
    unassigned = frozenset(bit for bit in bits if bit & ~1 not in node.known)
    require(not unassigned, "B01-init-s-04", unassigned=unassigned)
    require(bits <= node.features, "B09-features-o-03", features=bits)
    require(bits >= node.features, "B09-features-o-02", features=bits)
    require(not any(bit + 1 in bits for bit in bits if bit % 2 == 0), "B09-features-o-05", features=bits)
    missing = missing_dependencies(bits)
    require(not missing, "B09-features-o-06", missing=missing)
    require(message.networks is None or node.chains <= message.networks, "B01-init-s-07", networks=message.networks)
    return replace(state, sent_init=True)


@receives
def receive_init(state: Connection, message: Init) -> Connection:
    """Learn what the peer has and requires. Unknown odd bits are ignored (B01-init-r-04).

    AMBIGUOUS: second-init: the BOLT does not say what becomes of a second ``init``. What has been negotiated may be in
    use, so it must not change under way.
    """
    bits, node = message.features, state.node
    require(state.their_init is None, "D01-init-r-02", CLOSE)
    unknown = unknown_required(bits, node.known)
    require(not unknown, "B01-init-r-05", CLOSE, unknown=unknown)
    common = message.networks is None or not node.chains.isdisjoint(message.networks)
    require(common or not node.insists_on_chain, "B01-init-r-06", CLOSE, networks=message.networks)
    missing = missing_dependencies(bits)
    require(not missing, "B01-init-r-07", CLOSE, missing=missing)
    return replace(state, their_init=message)
