"""A stranger who speaks the protocol as well as any node, as far as she wants to. Loaded by conftest.py.

Her channels are real ones: machines with keys of their own, funded on the chain if she likes. What she says goes to the
engine under attack as if it came over a connection; what the engine says to her is heard, or not.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

from town import NOW, Town, TownNode  # type: ignore[import-not-found]

from boltchain.faucet import FAUCET_SCRIPT
from boltnode.channels import policy
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.onions import offer_for
from boltnode.channels.opening_facts import negotiated_names
from boltnode.channels.record import ChannelRecord
from boltnode.keys import NodeKey
from boltnode.network import network_named
from boltnode.storage.latch import SigningLatch
from boltspec.establishment.funding import FundingOutput, FundingSeen, Script
from boltspec.establishment.state import Establishment
from boltspec.lifetime.state import Life
from boltspec.lifetime.steps import Spent
from boltspec.units import Blocks, Sat
from boltwire import messages as wire
from boltwire.bolt11 import Invoice, decode
from boltwire.channel_id import ALL_CHANNELS
from boltwire.codec import decode_message, encode_message
from boltwire.features import FeatureBits

CAPACITY_SAT, PUSHED_SAT = 500_000, 200_000
FEATURES = FeatureBits(policy.FEATURES)


class Line:
    """Mallory as the engine sees her: the parts of a connection that engines use."""

    def __init__(self, mallory: Mallory) -> None:
        self._mallory = mallory
        self.node_id, self.features = mallory.node_id, FEATURES

    def send(self, *messages: bytes) -> None:
        for data in messages:
            message: Any = decode_message(data)
            self._mallory.heard.append(message)
            self._mallory.unread.append(message)

    def close(self, reason: str) -> None:
        self._mallory.hung_up.append(reason)
        asyncio.get_running_loop().call_soon(self._mallory.leave)


class Mallory:
    """One of her identities."""

    def __init__(self, town: Town, target: TownNode, number: int = 0, *, simple_close: bool = True) -> None:
        self.town, self.target = town, target
        seed = hashlib.sha256(b"mallory %d" % number).digest()
        self._seed, self.key = seed, NodeKey(seed, SigningLatch())
        self.node_id = self.key.node_id
        self.names = negotiated_names(target.engine.features, FEATURES)
        if not simple_close:
            self.names = tuple(name for name in self.names if name != "option_simple_close")
        self.heard: list[Any] = []
        """All that was said to her."""
        self.unread: list[Any] = []
        self.hung_up: list[str] = []
        """Why the engine closed connections."""
        self.said_bytes = 0
        self.never_says: tuple[type, ...] = ()
        """Kinds of messages; ``(object,)`` for all."""
        self.channels: dict[bytes, ChannelMachine] = {}
        """By temporary id, and by the real one."""
        self._count = 0

    # --- the connection ---

    @property
    def is_there(self) -> bool:
        return self.node_id in self.target.strangers

    def come(self) -> None:
        self.target.strangers[self.node_id] = line = Line(self)
        for machine in set(self.channels.values()):
            machine.connected(self.names)
        self.target.engine.connected(line)

    def leave(self) -> None:
        if self.is_there:
            del self.target.strangers[self.node_id]
            self.target.engine.disconnected(self.node_id)
            self.unread.clear()
            for machine in set(self.channels.values()):
                machine.disconnected()
                machine.take()

    async def say(self, *messages: wire.Message) -> None:
        """Say it, as the engine reads it: one after the other."""
        for message in messages:
            if isinstance(message, self.never_says) or not self.is_there:
                continue
            data = encode_message(message)
            self.said_bytes += len(data)
            await self.target.engine.received(self.target.strangers[self.node_id], decode_message(data))
        await asyncio.sleep(0)

    async def talk(self, rounds: int = 12) -> None:
        """Answer, and have answered, until nobody has anything to say for so many rounds."""
        calm = 0
        while calm < rounds:
            unread, self.unread = list(self.unread), []
            for message in unread:
                machine = self.channels.get(_channel_id(message))
                if machine is not None:
                    machine.hear(message)
            said = [message for machine in set(self.channels.values()) for message in self._words(machine)]
            await self.say(*said)
            calm = 0 if said or self.unread or self.target.is_busy else calm + 1
            await asyncio.sleep(0.001)

    def _words(self, machine: ChannelMachine) -> list[wire.Message]:
        if not self.is_there:
            return []
        machine.speak()
        return machine.take().out.messages

    def last(self, kind: type) -> Any:
        """The last thing of the kind that was said to her."""
        return next(message for message in reversed(self.heard) if isinstance(message, kind))

    def count(self, kind: type) -> int:
        return sum(isinstance(message, kind) for message in self.heard)

    # --- channels ---

    def proposal(self) -> wire.OpenChannel:
        """An ``open_channel``, lawful in every respect."""
        machine = self.propose()
        (message,) = machine.take().out.messages
        assert isinstance(message, wire.OpenChannel)
        return message

    def propose(self) -> ChannelMachine:
        """A channel of hers that is to be proposed."""
        self._count += 1
        temporary = self._count.to_bytes(32, "big")
        node = policy.node_facts(network_named("regtest"), FEATURES, FEATURES, CAPACITY_SAT, frozenset())
        script = b"\0\x14" + bytes([7]) * 20
        life = Life(Establishment(node), policy.closing_features(self.names), policy.closing_policy(script, 1_000))
        key_id = self._count.to_bytes(16, "big")
        record = ChannelRecord(
            peer=self.target.node_id, key_id=key_id, channel_id=temporary, life=life, opened_at=NOW
        )  # fmt: skip
        machine = ChannelMachine(record, ChannelKeys.of(self._seed, key_id), self.key.static_key)
        machine.connected(self.names)
        fact = policy.proposal(node, temporary, CAPACITY_SAT, PUSHED_SAT * 1000, 1_000, announce=False, upfront=b"")
        assert machine.propose(fact) is None
        return machine

    async def agree(self) -> ChannelMachine:
        """Propose a channel, and have it accepted."""
        machine = self.propose()
        self.channels[machine.record.channel_id] = machine
        await self.talk()
        assert machine.record.remote is not None, self.heard[-1]
        return machine

    async def sign(self, machine: ChannelMachine, *, real: bool) -> Any:
        """Go on to ``funding_signed``, for a transaction that there is, or for one that there is not."""
        payment: Any = None
        if real:
            payment = self.town.chain._faucet.payment(machine.funding_script, CAPACITY_SAT, self.town.chain.height + 1)
        txid = bytes(payment.txid) if real else hashlib.sha256(self.node_id + machine.record.channel_id).digest()
        assert machine.fund(txid, 0, [(CAPACITY_SAT, machine.funding_script)]) is None
        self.channels[machine.record.channel_id] = machine
        await self.talk()
        assert isinstance(self.heard[-1], wire.FundingSigned), self.heard[-1]
        return payment

    async def open(self) -> ChannelMachine:
        """A channel with both ``channel_ready``."""
        machine = await self.agree()
        payment = await self.sign(machine, real=True)
        assert machine.publish() is None
        self.confirm(payment)
        await self.town.until("the block is seen", self.town._is_seen)
        seen = FundingSeen(FundingOutput(Sat(CAPACITY_SAT), Script.FUNDING), Blocks(1), short_channel_id=9)
        machine.see(seen, Spent.NOTHING)
        await self.talk()
        assert machine.life.is_open
        return machine

    async def fund_by_another(self, machine: ChannelMachine) -> None:
        """Name a transaction of somebody else as the one that funds a channel, and let a block hold it."""
        payment = self.town.chain._faucet.payment(FAUCET_SCRIPT, CAPACITY_SAT, self.town.chain.height + 1)
        assert machine.fund(bytes(payment.txid), 0, [(CAPACITY_SAT, machine.funding_script)]) is None
        self.channels[machine.record.channel_id] = machine
        await self.talk()
        self.confirm(payment)
        await self.town.until("the block is seen", self.town._is_seen)

    def confirm(self, payment: Any) -> None:
        self.town.chain.node.generate_block([payment], FAUCET_SCRIPT)

    # --- payments ---

    async def invoice(self, amount_sat: int) -> str:
        """A payment request of hers."""
        like = decode((await self.target.ask("invoice", amount_msat=amount_sat * 1000, label=f"like {self._count}",
                                             description=""))["bolt11"])  # fmt: skip
        self._count += 1
        payment_hash = hashlib.sha256(b"%d" % self._count).digest()
        signed: str = self.key.sign_invoice(replace(like, payment_hash=payment_hash, payee=None, signature=None))
        return signed

    def offer(self, machine: ChannelMachine, like: Invoice, amount_msat: int) -> object:
        """Offer an HTLC that pays for nothing; why she may not, if she may not."""
        self._count += 1
        payment_hash, expiry = hashlib.sha256(b"%d" % self._count).digest(), self.town.chain.height + 40
        offered = offer_for(machine.next_id, like, amount_msat, expiry)
        return machine.offer(offered, amount_msat, payment_hash, expiry)


def _channel_id(message: Any) -> bytes:
    found: bytes | None = getattr(message, "channel_id", None) or getattr(message, "temporary_channel_id", None)
    return found or ALL_CHANNELS
