"""What the wallet keeps back to defend channels with anchors: :mod:`boltspec.chain.fee_reserve`, in coins."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from boltchain.wallet.reserve import Reserve
from boltchain.wallet.wallet import Wallet
from boltnode.channels.machine import ChannelMachine
from boltnode.options import Options
from boltspec.chain.fee_reserve import Need, coin_sat, coins_kept, coins_promised, coins_to_offer, is_defended
from boltspec.channel import Channel
from boltspec.establishment.state import Establishment
from boltspec.htlc import LOCAL
from boltspec.units import FeeratePerKw, Sat

Machines = Callable[[], Iterable[ChannelMachine]]


class FeeReserve:
    """Of one node."""

    def __init__(self, options: Options, wallet: Wallet, machines: Machines) -> None:
        """``machines`` gives all channels of the node that are not forgotten."""
        self._options, self._wallet, self._machines = options, wallet, machines

    def kept(self, coming: int = 0) -> Need:
        """What is kept back from all that users pay, with so many transactions that are to come."""
        return self._need(coins_kept, coming)

    def asked(self, coming: int) -> Need:
        """What there must be before more is taken on: also what channels may need that peers have only proposed."""
        return self._need(coins_promised, coming)

    def _need(self, coins: Callable[[Establishment, Channel | None], int], coming: int) -> Need:
        defended_per_kw = FeeratePerKw(self._options.defended_feerate)
        if not defended_per_kw:
            return Need(0, Sat(0))
        at_risk = [machine for machine in self._machines() if _is_at_risk(machine)]
        counted = sum(coins(machine.life.establishment, machine.channel) for machine in at_risk)
        return Need(counted + coming, coin_sat(defended_per_kw))

    def hold(self, coming: int = 0) -> None:
        """Let the wallet keep that from now on: to be called before it pays."""
        wanted = self.kept(coming)
        self._wallet.reserve = Reserve(wanted.coins, int(wanted.coin_sat)) if wanted.coins else Reserve()

    def lets_pass(self, coming: int = 0) -> bool:
        """Whether the node may take on what is to come: it has the coins to defend it, or is not asked to have them."""
        if not self._options.refuse_undefended:
            return True
        free = tuple(Sat(coin.amount_sat) for coin in self._wallet.spendable(reserve=True))
        return is_defended(self.asked(coming), free)

    def lets_offer(self, channel: Channel) -> bool:
        """Whether the node may offer one more HTLC in the channel."""
        return not self._options.refuse_undefended or self.lets_pass(coins_to_offer(channel))

    def words(self, coming: int = 0) -> str:
        """For people: what is kept, to go behind the reason why something cannot be paid; empty if nothing is."""
        wanted = self.kept(coming)
        if not wanted.coins:
            return ""
        return (
            f"; {wanted.coins} coins of {wanted.coin_sat} sat are kept to have transactions of channels confirmed"
            " (option defended-feerate)"
        )

    def lack(self, coming: int) -> str:
        """For people: what there would have to be, to go behind the reason why something is not taken on."""
        wanted = self.asked(coming)
        return (
            f"too few coins are at hand; at least {wanted.coins} of {wanted.coin_sat} sat would be needed"
            " (options refuse-undefended, defended-feerate)"
        )


def _is_at_risk(machine: ChannelMachine) -> bool:
    """Whether transactions of its own may have to be paid for: none once something else has ended the channel."""
    record = machine.record
    if machine.channel is None or record.spent_by is None or record.held is None or machine.terms is None:
        return True
    ours = record.held.commitment
    built = machine.terms.build(LOCAL, ours, machine.keys.point_of(ours.number))
    return built.txid == record.spent_by
