"""What the wallet keeps back to defend channels with anchors: :mod:`boltspec.chain.fee_reserve`, in coins."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from boltchain.wallet.reserve import Reserve
from boltchain.wallet.wallet import Wallet
from boltnode.channels.machine import ChannelMachine
from boltnode.options import Options
from boltspec.chain.fee_reserve import Need, is_defended, need
from boltspec.channel import Channel
from boltspec.establishment.channel_type import ANCHORS
from boltspec.htlc import LOCAL
from boltspec.units import FeeratePerKw, Sat

Machines = Callable[[], Iterable[ChannelMachine]]


class FeeReserve:
    """Of one node."""

    def __init__(self, options: Options, wallet: Wallet, machines: Machines) -> None:
        """``machines`` gives all channels of the node that are not forgotten."""
        self._options, self._wallet, self._machines = options, wallet, machines

    def need(self, coming: int = 0) -> Need:
        """What is to be kept, with so many transactions that are to come."""
        if not self._options.defended_feerate:
            return Need(0, Sat(0))
        machines = tuple(self._machines())
        channels = tuple(channel for channel in map(_at_risk, machines) if channel is not None)
        opening = sum(map(_is_opened_with_anchors, machines))
        return need(channels, opening + coming, FeeratePerKw(self._options.defended_feerate))

    def hold(self, coming: int = 0) -> None:
        """Let the wallet keep that from now on: to be called before it pays."""
        wanted = self.need(coming)
        self._wallet.reserve = Reserve(wanted.coins, int(wanted.coin_sat)) if wanted.coins else Reserve()

    def lets_pass(self, coming: int = 0) -> bool:
        """Whether the node may take on what is to come: it has the coins to defend it, or is not asked to have them."""
        if not self._options.refuse_undefended:
            return True
        free = tuple(Sat(coin.amount_sat) for coin in self._wallet.spendable(reserve=True))
        return is_defended(self.need(coming), free)

    def words(self, coming: int = 0) -> str:
        """For people: what is kept, to go behind the reason why something cannot be paid; empty if nothing is."""
        wanted = self.need(coming)
        if not wanted.coins:
            return ""
        return (
            f"; {wanted.coins} coins of {wanted.coin_sat} sat are kept to have transactions of channels confirmed"
            " (option defended-feerate)"
        )


def _at_risk(machine: ChannelMachine) -> Channel | None:
    """The channel if transactions of its own may have to be paid for: none once something else has ended it."""
    record = machine.record
    if machine.channel is None or record.spent_by is None or record.held is None or machine.terms is None:
        return machine.channel
    ours = record.held.commitment
    built = machine.terms.build(LOCAL, ours, machine.keys.point_of(ours.number))
    return machine.channel if built.txid == record.spent_by else None


def _is_opened_with_anchors(machine: ChannelMachine) -> bool:
    proposal = machine.life.establishment.open_channel
    return machine.channel is None and proposal is not None and proposal.channel_type == ANCHORS
