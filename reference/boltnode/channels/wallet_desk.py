"""What users do with the wallet."""

from __future__ import annotations

from collections.abc import Sequence

from boltchain.client.connection import ChainUnavailable
from boltchain.interface import TransactionRejected
from boltchain.rpc import RpcError as ChainError
from boltchain.transaction import Output, Txid
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.selection import InsufficientFunds
from boltnode.channels.coin_choice import choose
from boltnode.channels.floor import Floor
from boltnode.channels.listing import coin_facts
from boltnode.channels.psbt import finished_psbt
from boltnode.engine import CoinFacts, EngineError, Withdraw, Withdrawal
from boltnode.rpc.errors import Code


class WalletDesk:
    """The wallet, as users see it."""

    def __init__(self, floor: Floor) -> None:
        """On the engine's floor."""
        self._floor = floor

    async def coins(self, *, spent: bool) -> Sequence[CoinFacts]:
        """The wallet's outputs."""
        wallet, network = self._floor.chain.wallet, self._floor.services.network.name
        self._floor.fee_reserve.hold()
        return [
            coin_facts(
                coin, wallet.keys.script(coin.path), self._floor.chain.height, network, kept=wallet.is_kept(coin)
            )
            for coin in wallet.coins
            if spent or coin.spent_by is None
        ]

    async def new_address(self, kind: str) -> str:
        """A fresh address."""
        address = self._floor.chain.wallet.new_address(KeyKind.P2TR if kind == "p2tr" else KeyKind.P2WPKH)
        await self._floor.services.commits.settled()
        return address

    async def withdraw(self, request: Withdraw) -> Withdrawal:
        """Pay on the chain."""
        wallet, feerate_per_kw = self._floor.chain.wallet, self._floor.chain.feerate(request.feerate)
        reserve = self._floor.fee_reserve
        reserve.hold()
        choice = choose(wallet, self._floor.chain.height, request.minconf, request.utxos)
        try:
            if request.amount_sat is None:
                prepared = wallet.prepare_all(request.script, feerate_per_kw, label="withdraw", coins=choice.coins)
            else:
                outputs = [Output(request.amount_sat, request.script)]
                prepared = wallet.prepare(
                    outputs, feerate_per_kw, label="withdraw", among=choice.among, must_spend=choice.must_spend
                )
        except InsufficientFunds as error:
            raise EngineError(Code.FUND_CANNOT_AFFORD, f"{error}{reserve.words()}") from error
        except ValueError as error:
            raise EngineError(Code.FUND_OUTPUT_IS_DUST, str(error)) from error
        raw = wallet.send(prepared.txid)
        await self._floor.services.commits.settled()
        await self._send(prepared.txid, raw)
        return Withdrawal(tx=raw, txid=prepared.txid[::-1], psbt=finished_psbt(raw))

    async def _send(self, txid: Txid, raw: bytes) -> None:
        """Offer a payment to the network; what it refuses is forgotten, for nobody else has seen it."""
        try:
            await self._floor.chain.client.send(raw)
        except TransactionRejected as error:
            if self._floor.chain.wallet.transaction(txid) is not None:
                self._floor.chain.wallet.give_up(txid)
            await self._floor.services.commits.settled()
            words = f"the transaction was not taken, and nothing is paid: {error}"
            raise EngineError(Code.FUNDING_BROADCAST_FAIL, words) from error
        except (ChainUnavailable, ChainError) as error:
            words = f"it is not known whether the transaction has left; it is offered again with every block: {error}"
            raise EngineError(Code.FUNDING_BROADCAST_FAIL, words) from error
