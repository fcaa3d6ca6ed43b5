"""What the shell needs of the engine: the part of the node that knows channels, wallet and chain.

The engine turns steps of the specification into messages, signatures and transactions. It gets the node's services
when it starts, hands units of work to the storage, and is the handler of the peers' messages. Amounts are integers with
their unit last in the name; ids and hashes are bytes in the order of the BOLTs, transaction ids in the order in which
people read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from boltnode.payments import PaymentRecord
from boltnode.peers.handler import PeerHandler
from boltnode.rpc.errors import Code
from boltnode.rpc.kinds import Outpoint
from boltnode.services import Services
from boltwire.bolt11 import Invoice
from boltwire.features import FeatureBits


class EngineError(Exception):
    """The engine cannot do what was asked for; ``code`` is what a user's program looks at."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class FundChannel:
    """A channel to be opened."""

    node_id: bytes
    amount_sat: int | None
    """Capacity; None for all that the wallet has."""
    push_msat: int
    """What the peer gets from the start."""
    announce: bool
    feerate: str | int | None
    """A name, or satoshi per 1000 weight units; None for the usual."""
    minconf: int
    """Confirmations that the wallet's coins must have."""
    utxos: tuple[Outpoint, ...]
    """Coins to use; none named: any."""
    close_to: bytes | None
    """Output script for a cooperative close, committed to in advance."""
    mindepth: int | None
    """Confirmations that we ask for as long as we are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundedChannel:
    """A channel whose funding transaction was broadcast."""

    tx: bytes
    txid: bytes
    outnum: int
    channel_id: bytes
    channel_type: FeatureBits
    close_to: bytes | None
    mindepth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseChannel:
    """A channel to be closed."""

    channel_id: bytes
    unilateral_timeout_seconds: int
    """How long to wait for the peer before closing alone; 0: for ever."""
    destination: bytes | None
    """Output script for our part; None for a new address of the wallet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedChannel:
    """A channel whose closing transaction was broadcast."""

    mutual: bool
    """Both signed a closing transaction; else one published its commitment."""
    txs: tuple[bytes, ...]
    txids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """A payment on the chain."""

    script: bytes
    amount_sat: int | None
    """None for everything."""
    feerate: str | int | None
    minconf: int
    utxos: tuple[Outpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A payment on the chain that was broadcast."""

    tx: bytes
    txid: bytes
    psbt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HtlcFacts:
    """An HTLC that is not settled."""

    incoming: bool
    id: int
    amount_msat: int
    expiry: int
    payment_hash: bytes
    trimmed: bool
    """Too small for an output of our commitment."""
    status: str
    """How far it has come, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """A channel, as users are told about it."""

    peer_id: bytes
    channel_id: bytes
    state: str
    """One of :data:`boltnode.rpc.shapes.CHANNEL_STATES`, Core Lightning's names."""
    reestablished: bool
    short_channel_id: str | None
    local_alias: str | None
    remote_alias: str | None
    funding_txid: bytes | None
    funding_outnum: int | None
    channel_type: FeatureBits
    opened_by_us: bool
    closed_by_us: bool | None
    """None while nobody has begun to close it."""
    private: bool
    feerate_per_kw: int
    total_msat: int
    to_us_msat: int
    spendable_msat: int
    receivable_msat: int
    our_reserve_msat: int
    their_reserve_msat: int
    dust_limit_msat: int
    our_max_htlc_value_in_flight_msat: int
    their_max_htlc_value_in_flight_msat: int
    minimum_htlc_in_msat: int
    our_to_self_delay: int
    their_to_self_delay: int
    max_accepted_htlcs: int
    htlcs: tuple[HtlcFacts, ...]
    status: tuple[str, ...]
    """What is going on, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFacts:
    """An output of the wallet."""

    outpoint: Outpoint
    amount_sat: int
    script: bytes
    address: str
    status: str
    """``unconfirmed``, ``confirmed``, ``spent`` or ``immature``."""
    blockheight: int | None
    reserved: bool


class Engine(PeerHandler, Protocol):
    """Channels, wallet and chain."""

    @property
    def features(self) -> FeatureBits:
        """What the node offers to its peers, and what they may require."""

    async def start(self, services: Services) -> None:
        """Take up the channels in the storage; connections come afterwards."""

    async def stop(self) -> None:
        """Finish; connections are closed before, the storage afterwards."""

    def block_height(self) -> int:
        """Height of the best block that was seen."""

    def warning(self) -> str | None:
        """What a user should know, such as a chain that is still being loaded; None if all is well."""

    def channels(self) -> Sequence[ChannelFacts]:
        """All channels that are not forgotten yet."""

    async def coins(self, *, spent: bool) -> Sequence[CoinFacts]:
        """The wallet's outputs, with spent ones if asked for."""

    async def new_address(self, kind: str) -> str:
        """A fresh address of the wallet, ``bech32`` or ``p2tr``; it is durable when this returns."""

    async def fund_channel(self, request: FundChannel) -> FundedChannel:
        """Open a channel with a connected peer. :class:`EngineError`."""

    async def close_channel(self, request: CloseChannel) -> ClosedChannel:
        """Close a channel. :class:`EngineError`."""

    async def withdraw(self, request: Withdraw) -> Withdrawal:
        """Pay on the chain. :class:`EngineError`."""

    async def pay(self, payment: PaymentRecord, invoice: Invoice, max_fee_msat: int, retry_seconds: int) -> None:
        """Offer the HTLC of a pending payment, which is durable already.

        Returns when it is offered; the engine ends the payment in the books later, in the unit of work that settles the
        HTLC. :class:`EngineError` if it cannot be offered: the caller then records the failure.
        """
