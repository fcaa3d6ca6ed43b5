"""Two nodes and the specification's world, side by side: whatever happens to the nodes, the world follows and judges.

Each node has a mirror of each of its channels (mirror.py). A mirror knows what went over the wire on the node's side,
what the chain shows, and which commands were given; never what the node made of it. After each step both are compared
(agreement.py), and the chain with the model of the chain (money.py). Loaded by conftest.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import agreement  # type: ignore[import-not-found]
from facts import Known  # type: ignore[import-not-found]
from mirror import Astray, Mirror  # type: ignore[import-not-found]
from money import Money  # type: ignore[import-not-found]
from town import Town, TownNode  # type: ignore[import-not-found]
from wires import Eye  # type: ignore[import-not-found]

from boltchain.block import Block
from boltchain.transaction import Txid
from boltnode.channels import policy
from boltnode.channels.machine import ChannelMachine
from boltnode.network import network_named
from boltnode.onchain.record import TIMING
from boltspec.chain.deadlines import fulfilment_deadline, is_past, timeout_deadline
from boltspec.chain.overdue import UNREVOKED
from boltspec.commitment import is_in
from boltspec.establishment.state import Establishment
from boltspec.htlc import LOCAL, REMOTE
from boltspec.lifetime.owed import is_resending, owed
from boltspec.lifetime.state import End, Life
from boltspec.lifetime.steps import send
from boltspec.units import Height
from boltspec.verdict import Accepted
from boltwire import messages as wire
from boltwire.channel_id import ALL_CHANNELS
from boltwire.codec import decode_message
from boltwire.features import BY_BIT, negotiated

NAMES = ("alice", "bob")
BREATH_SECONDS = 0.06
"""By the clock that jumps: in it everybody does all that can be done at once, and looks for a block."""
MOST_BREATHS = 400


class Seen(NamedTuple):
    """Something that happened to a node."""

    what: str
    content: Any = None


class Witness(Eye):  # type: ignore[misc]
    """Writes down what happens to each node, in its order."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.notes: tuple[list[Seen], list[Seen]] = ([], [])
        self.said_bytes: tuple[list[bytes], list[bytes]] = ([], [])
        """All that each has ever handed to the wire."""

    def said(self, seat: int, message: bytes) -> None:
        self.notes[seat].append(Seen("said", decode_message(message)))
        self.said_bytes[seat].append(message)

    def unsaid(self, seat: int, message: bytes) -> None:
        self.notes[seat].append(Seen("unsaid", decode_message(message)))

    def heard(self, seat: int, message: bytes) -> None:
        self.notes[seat].append(Seen("heard", decode_message(message)))

    def parted(self, seat: int) -> None:
        for machine in self._town.nodes[seat].machines:
            self.notes[seat].extend(Seen("unsaid", message) for message in machine._out.messages)
        self.notes[seat].append(Seen("parted"))

    def died(self, seat: int) -> None:
        self.notes[seat].append(Seen("died"))
        self._town.is_apart = True  # the comparison comes before anything new is said

    def block(self, block: Block, height: int) -> None:
        for notes in self.notes:
            notes.append(Seen("block", (block, height)))

    def block_gone(self, height: int) -> None:
        for notes in self.notes:
            notes.append(Seen("gone", height))


class Lockstep:
    """The two nodes of a town with their mirrors."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.eye = Witness(town)
        town.eye, town.is_gated, town.delivers_last_words = self.eye, True, False
        self.mirrors: tuple[list[Mirror], list[Mirror]] = ([], [])
        self.past: tuple[list[Mirror], list[Mirror]] = ([], [])
        """Mirrors of channels of which nothing is to be remembered."""
        self.corrupt: frozenset[int] = frozenset()
        """Who has done what no rule permits."""
        self.gives_up: set[tuple[int, bytes]] = set()
        """Channels that a node was told to close alone if need be, by seat and id."""
        self.blocks: dict[int, Block] = {}
        """Since the story began, by height."""
        self.money: dict[bytes, Money] = {}
        self.steps = 0

    # --- waiting ---

    async def calm(self) -> None:
        """Until nobody has anything to do; who died lives again."""
        await asyncio.sleep(BREATH_SECONDS)
        for _ in range(MOST_BREATHS):
            if self.town.failures:
                raise self.town.failures[0]
            if all(self._is_calm(node) for node in self.town.nodes):
                return
            await asyncio.sleep(BREATH_SECONDS)
        raise Astray(f"a node is never calm: {self.town.picture()}")

    def _is_calm(self, node: TownNode) -> bool:
        return not node.dead and not node.is_busy and node.engine.block_height() == self.town.chain.height

    # --- following ---

    async def follow(self) -> None:
        """Wait until all is calm, take the world to where the nodes are, and compare."""
        await self.calm()
        self.steps += 1
        for seat in (0, 1):
            notes = list(self.eye.notes[seat])
            self.eye.notes[seat].clear()
            self._adopt_wishes(seat)
            orders = list(_orders(notes))
            if len(orders) == 1:
                self._take(seat, self.mirrors[seat], orders[0])
            else:
                self._take_what_fits(seat, orders)
            self._drop_past(seat)
        self.compare()

    def _take(self, seat: int, mirrors: list[Mirror], notes: list[Seen]) -> None:
        for note in notes:
            match note:
                case Seen("block", (block, height)):
                    for mirror in mirrors:
                        mirror.block(block, height)
                        self._mind_deadlines(seat, mirror, height)
                case Seen("gone", height):
                    for mirror in mirrors:
                        mirror.block_gone(height)
                case Seen("parted"):
                    for mirror in mirrors:
                        mirror.parted()
                case Seen("reborn"):
                    for mirror in mirrors:
                        mirror.reborn()
                case Seen("heard", message):
                    for mirror in self._meant(seat, mirrors, message, speaker=1 - seat):
                        mirror.heard(message)
                case Seen("said" | "unsaid", message):
                    for mirror in self._meant(seat, mirrors, message, speaker=seat):
                        mirror.said(message)

    def _meant(self, seat: int, mirrors: list[Mirror], message: wire.Message, *, speaker: int) -> list[Mirror]:
        """The channels that a message is about."""
        channel_id = getattr(message, "channel_id", None) or getattr(message, "temporary_channel_id", None)
        if channel_id is None:
            return []
        if channel_id == ALL_CHANNELS and isinstance(message, wire.Error | wire.Warning):
            return list(mirrors)
        found = [mirror for mirror in mirrors if channel_id in mirror]
        if isinstance(message, wire.OpenChannel):
            if found and speaker != seat:
                self._is_proposed_again(found[0], channel_id)
            if found:
                return []
            mirrors.append(self._newborn(seat, channel_id))
            return mirrors[-1:]
        if speaker == seat and isinstance(message, wire.Error):
            return [mirror for mirror in found if mirror.channel_id == channel_id]
        if not found and speaker == seat and not isinstance(message, wire.Error):
            raise Astray(f"{NAMES[seat]} speaks of a channel that is none: {message}")
        return found

    def _is_proposed_again(self, mirror: Mirror, channel_id: bytes) -> None:
        """The name is taken: an error says so, and fails what has that name now (B01-error-warning-s-01)."""
        if mirror.channel_id == channel_id and mirror.life.end is End.NONE:
            mirror.fails()

    def _newborn(self, seat: int, temporary_id: bytes) -> Mirror:
        """A channel with what its node is and wants: only that is taken from the node."""
        node, other = self.town.nodes[seat], self.town.nodes[1 - seat]
        mine, theirs = node.engine.features, other.engine.features
        names = frozenset(row.name for row in BY_BIT.values() if negotiated(row.name, mine, theirs))
        capacity = 0
        machine = self._machine(seat, temporary_id)
        state = policy.node_facts(network_named("regtest"), mine, theirs, capacity, frozenset())
        closing = policy.closing_policy(b"", 1_000)
        if machine is not None:
            state, closing = machine.life.establishment.node, machine.life.policy
        life = Life(Establishment(state), policy.closing_features(tuple(names)), closing)
        wallet = node.engine._chain.wallet
        return Mirror(life, Known(names), temporary_id, lambda txid: wallet.transaction(Txid(txid)).transaction.raw)

    def _machine(self, seat: int, channel_id: bytes) -> ChannelMachine | None:
        roster = self.town.nodes[seat].engine._roster
        slot = roster.find(self.town.nodes[1 - seat].node_id, channel_id)
        return None if slot is None else slot.machine

    def machine(self, seat: int, mirror: Mirror) -> ChannelMachine | None:
        """The node's side of a channel."""
        return self._machine(seat, mirror.channel_id) or self._machine(seat, mirror.temporary_id)

    def _adopt_wishes(self, seat: int) -> None:
        """What a node would like to pay for a close, and where to, is its own affair."""
        for mirror in self.mirrors[seat]:
            machine = self.machine(seat, mirror)
            if machine is not None:
                mirror.life = agreement.alike(machine.life, mirror.life)[1]

    def _drop_past(self, seat: int) -> None:
        """A channel that was lost with its connection before it bound anybody is no more."""
        connected = self.town.wire is not None and not self.town.wire.is_cut
        for mirror in list(self.mirrors[seat]):
            if (mirror.life.end is End.FORGOTTEN and not mirror.life.owes_error) or (mirror.is_over and not connected):
                self.mirrors[seat].remove(mirror)
                self.past[seat].append(mirror)

    # --- giving up ---

    def _mind_deadlines(self, seat: int, mirror: Mirror, height: int) -> None:
        """A node gives a channel up when a deadline of one of its HTLCs is past."""
        if mirror.life.end is End.NONE and self.is_overdue(seat, mirror, height):
            mirror.fails()

    def is_overdue(self, seat: int, mirror: Mirror, height: int) -> bool:
        """Whether a deadline of BOLT 2 is past."""
        channel, machine = mirror.life.channel, self.machine(seat, mirror)
        if channel is None or machine is None or mirror.funding_height is None:
            return False
        claimed = {entry.id for entry in machine.record.received if isinstance(entry.answer, agreement.Claim)}
        for htlc in channel.htlcs.items:
            if not any(is_in(htlc, view) for view in UNREVOKED):
                continue
            if htlc.offerer is LOCAL and is_past(timeout_deadline(htlc.cltv_expiry, TIMING), Height(height)):
                return True
            promised = htlc.offerer is REMOTE and htlc.id in claimed
            if promised and is_past(fulfilment_deadline(htlc.cltv_expiry, TIMING), Height(height)):
                return True
        return False

    # --- orders that nobody saw ---

    def _take_what_fits(self, seat: int, orders: list[list[Seen]]) -> None:
        """Find out in which of these orders things have happened to a node: one of them explains its states."""
        complaints = []
        for notes in orders:
            mirrors = [mirror.copy() for mirror in self.mirrors[seat]]
            try:
                self._take(seat, mirrors, notes)
                self._give_up(seat, mirrors)
                kept = [mirror for mirror in mirrors if not mirror.is_over or mirror.life.owes_error]
                self._require_states(seat, kept)
            except AssertionError as complaint:
                complaints.append(f"{[note.what for note in notes]}: {complaint}")
                continue
            self.mirrors[seat][:] = kept
            return
        words = "\n".join(complaints)
        raise Astray(f"{NAMES[seat]} has a state that nothing which it has said and heard leads to:\n{words}")

    def _give_up(self, seat: int, mirrors: list[Mirror]) -> None:
        """A node that was told to close alone has done so, or not yet."""
        for mirror in mirrors:
            machine = self.machine(seat, mirror)
            told = (seat, mirror.channel_id) in self.gives_up
            if told and machine is not None and machine.life.end is not End.NONE and mirror.life.end is End.NONE:
                mirror.fails()

    # --- comparing ---

    def compare(self) -> None:
        """Both nodes, their disks, their transactions and the chain are as the specification has it."""
        for seat in (0, 1):
            self._give_up(seat, self.mirrors[seat])
            self._require_states(seat, self.mirrors[seat])
            self._require_said(seat)
            agreement.require_disk(NAMES[seat], self.town.nodes[seat].database.connection, self.mirrors[seat])
        self._require_pairs()
        self._require_money()

    def _require_states(self, seat: int, mirrors: list[Mirror]) -> None:
        who = NAMES[seat]
        for mirror in mirrors:
            machine = self.machine(seat, mirror)
            if machine is None:
                if mirror.life.end is End.NONE and not mirror.is_over:
                    raise Astray(f"{who} has no longer a channel that lives: {mirror.life}")
                continue
            agreement.require_state(who, machine.record, mirror)
            channel = mirror.life.channel
            if channel is not None:
                params = agreement.mirrored(channel.params, seat)
                agreement.require_real(who, machine, mirror, params, seat)
        for machine in self.town.nodes[seat].machines:
            if not any(machine.record.channel_id in mirror for mirror in mirrors):
                raise Astray(f"{who} has a channel that is none: {machine.life}")

    def _require_said(self, seat: int) -> None:
        """A node that is connected has said all that it owes, or is about to lose the connection."""
        wire_now = self.town.wire
        if wire_now is None or wire_now.is_cut:
            return
        for mirror in self.mirrors[seat]:
            machine = self.machine(seat, mirror)
            due = owed(mirror.life)
            may = due and (is_resending(mirror.life) or isinstance(send(mirror.life, due[0]), Accepted))
            if machine is not None and may:
                raise Astray(f"{NAMES[seat]} owes {due}")
            if mirror.ends_connection:
                raise Astray(f"{NAMES[seat]} keeps a connection that is to be ended")

    def pairs(self) -> list[tuple[Mirror, Mirror]]:
        """The channels that both have, with their funding output."""
        found = []
        for first in self.mirrors[0]:
            for second in self.mirrors[1]:
                if first.known.funding is not None and first.channel_id == second.channel_id:
                    found.append((first, second))
        return found

    def _require_pairs(self) -> None:
        for first, second in self.pairs():
            if not self.corrupt or all(mirror.life.end is End.NONE for mirror in (first, second)):
                agreement.require_same(first, second)

    def _require_money(self) -> None:
        for first, second in self.pairs():
            if first.life.channel is None or second.life.channel is None or first.funding_height is None:
                continue
            money = self._money_of(first, second, first.funding_height)
            money.require_unspent(self.town.chain.node.chain.books)
            money.require_justified(self.corrupt)

    def _money_of(self, first: Mirror, second: Mirror, funding_height: int) -> Money:
        """The channel's money up to now: told on where it was left, or anew after a reorganisation or a crash."""
        money, top = self.money.get(first.channel_id), max(self.blocks)
        told = money is not None and money.tells_of([first, second], self.blocks)
        if not told:
            money = self.money[first.channel_id] = Money([first, second], funding_height)
        assert money is not None
        for height in range(money.height + 1, top + 1):
            money.take(self.blocks[height], height)
        return money


def _orders(notes: list[Seen]) -> Iterator[list[Seen]]:
    """What may have happened to a node in which order, the most likely first.

    A node that died has forgotten the last of it, but nothing before what it said last; what it was about to say may be
    durable. When exactly a node has seen a block is not noted, nor when it wanted to say what it could say no more.
    """
    blocks = [note for note in notes if note.what in ("block", "gone")]
    unsaid = [note for note in notes if note.what == "unsaid"]
    died = next((index for index, note in enumerate(notes) if note.what == "died"), None)
    if died is not None:
        told = [*(note for note in notes[:died] if note.what in ("said", "heard", "parted")), *unsaid]
        least = max((index + 1 for index, note in enumerate(told) if note.what == "said"), default=0)
        for count in range(len(told), least - 1, -1):
            for durable in range(len(blocks) + 1):
                yield from _inserted([*told[:count], Seen("reborn")], blocks[:durable], blocks[durable:])
        return
    parted = next((index for index, note in enumerate(notes) if note.what == "parted"), None)
    if parted is None or not (blocks or unsaid):
        yield notes
        return
    elsewhere = ("block", "gone", "unsaid")
    before, after = ([note for note in part if note.what not in elsewhere] for part in (notes[:parted], notes[parted:]))
    for ordered in _inserted(before, unsaid, []):
        yield from _inserted([*ordered, *after], blocks, [])


def _inserted(notes: list[Seen], together: list[Seen], afterwards: list[Seen]) -> Iterator[list[Seen]]:
    """The notes with others among them, from the last place to the first, and some behind all."""
    for at in range(len(notes), -1, -1) if together else (0,):
        yield [*notes[:at], *together, *notes[at:], *afterwards]
