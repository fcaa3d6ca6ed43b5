"""What a node has of a channel, in memory and on disk, against what the specification says that it must have.

Loaded by conftest.py.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

from mirror import COUNTED, Astray, Mirror  # type: ignore[import-not-found]

from boltnode.channels.hearing import peer_point
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.record import ChannelRecord, Claim
from boltnode.state_codec import decode_state
from boltnode.storage import channel_rows, commitment_rows
from boltspec.chain.transactions import commitment_transaction
from boltspec.commitment import View, commitment
from boltspec.htlc import LOCAL, REMOTE, Removal, Stage
from boltspec.lifetime.state import End, Life
from boltspec.params import Params
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltwire.claims import pair
from boltwire.per_commitment_secrets import SecretStore, secret_index


def differences(found: object, wanted: object, path: str = "") -> Iterator[str]:
    """The fields in which two states differ."""
    if is_dataclass(found) and type(found) is type(wanted):
        for entry in fields(found):
            yield from differences(getattr(found, entry.name), getattr(wanted, entry.name), f"{path}.{entry.name}")
    elif found != wanted:
        yield f"{path}: the node has {found}, the specification {wanted}"


def alike(found: Life, wanted: Life) -> tuple[Life, Life]:
    """Both states without what is no business of the channel: a node's own wishes, confirmations that nobody counts."""
    node, policy = found.establishment.node, found.policy
    wanted = replace(wanted, policy=policy, establishment=replace(wanted.establishment, node=node))
    if found.closing is not None and wanted.closing is not None:
        wanted = replace(wanted, closing=replace(wanted.closing, policy=found.closing.policy))
    return _counted(found), _counted(wanted)


def _counted(life: Life) -> Life:
    seen = life.establishment.seen
    few = replace(seen, confirmations=min(seen.confirmations, COUNTED))
    return replace(life, establishment=replace(life.establishment, seen=few))


def require_state(who: str, record: ChannelRecord, mirror: Mirror) -> None:
    """The record is that of the specification's state, field by field, and has the bytes that belong to it."""
    found = list(differences(*alike(record.life, mirror.life), who))
    if found:
        raise Astray("\n".join(found))
    broken = (
        [] if record.life.channel is None else [p.name for p in CHANNEL_PROPERTIES if not p.holds(record.life.channel)]
    )
    _require(who, not broken, f"breaks {broken}")
    _require(who, record.channel_id == mirror.channel_id, "another channel_id")
    if record.life.channel is not None:
        _require_points(who, record, mirror)
        _require_held(who, record, mirror)
        _require_htlcs(who, record, mirror)


def _require(who: str, truth: object, words: str) -> None:
    if not truth:
        raise Astray(f"{who}: {words}")


def _require_points(who: str, record: ChannelRecord, mirror: Mirror) -> None:
    """The peer's points that are not revoked, and its secrets."""
    channel, known = record.life.channel, mirror.known
    assert channel is not None
    wanted = {number: point for number, point in known.points[REMOTE].items() if number >= channel.remote_revocations}
    _require(
        who, dict(record.remote_points) == wanted, f"points {sorted(dict(record.remote_points))}, not {sorted(wanted)}"
    )
    store = SecretStore(record.secrets)
    for number in range(channel.remote_revocations):
        right = store.lookup(secret_index(number)) == known.secrets[REMOTE][number]
        _require(who, right, f"not the secret of commitment {number}")


def _require_held(who: str, record: ChannelRecord, mirror: Mirror) -> None:
    """The newest commitment with the signatures that came for it."""
    assert record.life.channel is not None
    wanted = commitment(record.life.channel, View.LOCAL_LATEST)
    fact, signatures = mirror.known.signed[LOCAL][wanted.number]
    held = record.held
    _require(who, fact == wanted, f"the peer has signed {fact}, the newest commitment is {wanted}")
    _require(who, held is not None and held.commitment == fact, f"holds {held and held.commitment}, not {fact}")
    _require(who, held is not None and held.signatures == signatures, "holds other signatures than those that came")


def _require_htlcs(who: str, record: ChannelRecord, mirror: Mirror) -> None:
    """The bytes of the HTLCs that the channel has, and of no others; what was fulfilled stays fulfilled."""
    channel = record.life.channel
    assert channel is not None
    ours = [htlc.id for htlc in channel.htlcs.items if htlc.offerer is LOCAL]
    theirs = {htlc.id: htlc for htlc in channel.htlcs.items if htlc.offerer is REMOTE}
    _require(who, sorted(entry.id for entry in record.offered) == sorted(ours), f"bytes of its offers, not of {ours}")
    _require(who, {entry.id for entry in record.received} == set(theirs), f"bytes of offers to it, not of {theirs}")
    for entry in record.received:
        htlc = theirs[entry.id]
        if isinstance(entry.answer, Claim):
            name = int.from_bytes(hashlib.sha256(entry.answer.preimage).digest(), "big")
            _require(who, name == htlc.payment_hash, f"claims HTLC {htlc.id} with a wrong preimage")
        fulfilled = htlc.removal is Removal.FULFILL
        _require(
            who, not fulfilled or isinstance(entry.answer, Claim), f"has fulfilled HTLC {htlc.id} without its preimage"
        )
        _require(
            who, not entry.answer or htlc.added is Stage.IRREVOCABLE, f"has decided about HTLC {htlc.id} too early"
        )


def require_disk(who: str, connection: sqlite3.Connection, mirrors: list[Mirror]) -> None:
    """The disk has each channel as it must be, and all commitments that were signed for the peer."""
    _require(who, not connection.in_transaction, "has begun to write, and is calm")
    rows = [row for ended in (False, True) for row in channel_rows.load(connection, ended=ended)]
    kept = set()
    for row in rows:
        record: ChannelRecord = decode_state(row.state)
        kept.add(record.channel_id)
        mirror = next((entry for entry in mirrors if record.channel_id in entry), None)
        if mirror is None or row.ended:
            _require(who, row.ended, f"stores channel {record.channel_id.hex()}, which is none")
            over = mirror is None or mirror.life.end is not End.NONE
            _require(who, over, "has given up a channel that lives")
            continue
        require_state(f"{who}'s disk", record, mirror)
        for number, (fact, _) in mirror.known.signed[REMOTE].items():
            stored = commitment_rows.load(connection, record.channel_id, number)
            known = stored is not None and decode_state(stored) == fact
            _require(who, known, f"does not store commitment {number}, which it has signed")
    for mirror in mirrors:
        _require(who, not mirror.is_spoken_for or mirror.channel_id in kept, "does not store a channel that binds it")


def require_real(who: str, machine: ChannelMachine, mirror: Mirror, params: Params, seat: int) -> None:
    """Of both newest commitments the node's transaction, the listener's and the model's outputs are the same."""
    channel, held = mirror.life.channel, machine.record.held
    assert channel is not None
    assert held is not None
    for view in (View.LOCAL_LATEST, View.REMOTE_LATEST):
        fact, owner = commitment(channel, view), view.owner
        built = mirror.known.build(owner, fact)
        own = (machine.keys.point_of(fact.number), held.commitment)
        point, stored = own if owner is LOCAL else (peer_point(machine.record, fact.number), fact)
        assert machine.terms is not None
        assert point is not None
        same = machine.terms.build(owner, stored, point).txid == built.txid
        _require(who, same, f"{view.name} is another transaction")
        made = commitment_transaction(params, seat if owner is LOCAL else 1 - seat, fact, htlcs_signed=True)
        _require(who, pair(made.outputs, fact, built) is not None, f"{view.name} has other outputs than the model's")


def require_same(first: Mirror, second: Mirror) -> None:
    """Both parties mean the same transactions where nothing is under way between them."""
    for owner, other in ((first, second), (second, first)):
        if owner.life.channel is None or other.life.channel is None:
            continue
        ours, theirs = (
            commitment(owner.life.channel, View.LOCAL_LATEST),
            commitment(other.life.channel, View.REMOTE_LATEST),
        )
        if ours.number != theirs.number:
            continue  # a signature is under way
        same = owner.known.build(LOCAL, ours).txid == other.known.build(REMOTE, theirs).txid
        _require("both", same, f"the two see different commitments {ours.number}: {ours} {theirs}")


def mirrored(params: Params, seat: int) -> Params:
    """Constants that are seen from a seat, as seat 0 sees them."""
    return params if seat == 0 else params.mirrored()
