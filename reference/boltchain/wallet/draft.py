"""From wishes to a transaction: inputs, outputs, change, and a fee that is exact to the weight unit.

Inputs of others come first, then the wallet's coins; the wanted outputs come first, then the wallet's own. So what a
signature of another kind demands of the order (input and output with the same number) can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boltchain.dust import dust_limit_sat
from boltchain.spending import Draft
from boltchain.transaction import Input, OutPoint, Output
from boltchain.wallet.coins import Coin
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.selection import InsufficientFunds, select
from boltchain.wallet.weights import (
    BARE_INPUT_WEIGHT,
    DUST_LIMIT_SAT,
    SCRIPT_SIZE,
    fee_sat,
    input_weight,
    output_weight,
    transaction_weight,
)

REPLACEABLE = 0xFFFFFFFD
"""Sequence of an input that has no relative lock, lets the lock time count, and announces that it may be replaced."""

FINAL = 0xFFFFFFFE
"""Sequence of an input that has no relative lock, lets the lock time count, and does not announce a replacement."""

RELAY_FEERATE_PER_KW = 253
"""What every transaction must pay to be relayed: satoshi per 1000 weight units."""

_WEIGHT_PER_VBYTE = 4

Sign = Callable[[Draft, int, Sequence[Output]], list[bytes]]
"""Makes the witness of an input: from the draft, the input's number, and the outputs that all inputs spend."""


@dataclass(frozen=True, slots=True)
class ForeignInput:
    """An input that is not a coin of the wallet: somebody else knows how to sign it."""

    outpoint: OutPoint
    output: Output
    """What it spends."""
    witness_weight: int
    """The most that its witness can weigh, in weight units, the number of items included."""
    sign: Sign
    sequence: int = REPLACEABLE

    @property
    def weight(self) -> int:
        """The whole input."""
        return BARE_INPUT_WEIGHT + self.witness_weight


@dataclass(frozen=True, slots=True)
class Parent:
    """What counts of another unconfirmed transaction: weight in weight units, and fee."""

    weight: int
    fee_sat: int

    @property
    def vsize(self) -> int:
        """Virtual size in vbytes."""
        return vsize_of(self.weight)


def vsize_of(weight: int) -> int:
    """Virtual size in vbytes, rounded up."""
    return -(-weight // _WEIGHT_PER_VBYTE)


@dataclass(frozen=True, slots=True)
class Request:
    """What a transaction shall do."""

    feerate_per_kw: int
    """Satoshi per 1000 weight units; of parent and child together if there is a `parent`."""
    outputs: tuple[Output, ...] = ()
    foreign: tuple[ForeignInput, ...] = ()
    must_spend: tuple[Coin, ...] = ()
    """Coins that are spent in any case."""
    parent: Parent | None = None
    replaces: Parent | None = None
    """What it takes the place of in the mempool, and must outbid."""
    locktime: int = 0
    replaceable: bool = True

    def __post_init__(self) -> None:
        if self.feerate_per_kw < RELAY_FEERATE_PER_KW:
            msg = f"{self.feerate_per_kw} sat per kw are not relayed; at least {RELAY_FEERATE_PER_KW} are needed"
            raise ValueError(msg)
        if any(output.amount_sat < 0 for output in self.outputs):
            msg = "no output can have a negative amount"
            raise ValueError(msg)
        for output in self.outputs:
            if output.amount_sat < (limit := dust_limit_sat(output)):
                msg = f"an output of {output.amount_sat} sat is dust: this kind needs at least {limit} sat"
                raise ValueError(msg)

    def required_fee_sat(self, weight: int) -> int:
        """The least fee of a transaction of this weight that does what is wished."""
        fee = fee_sat(self.feerate_per_kw, weight)
        if self.parent is not None:
            fee = fee_sat(self.feerate_per_kw, weight + self.parent.weight) - self.parent.fee_sat
        if self.replaces is not None:
            # BIP 125: a higher feerate, and one satoshi per own vbyte more than what is replaced.
            old, vsize = self.replaces, vsize_of(weight)
            fee = max(fee, old.fee_sat + vsize, old.fee_sat * vsize // old.vsize + 1)
        return max(fee, fee_sat(RELAY_FEERATE_PER_KW, weight))


@dataclass(frozen=True, slots=True)
class Composition:
    """An unsigned transaction, and what it is made of."""

    draft: Draft
    spent: tuple[Output, ...]
    """What its inputs spend, in order."""
    coins: tuple[Coin, ...]
    """The wallet's coins among them: the last inputs, in order."""
    fee_sat: int
    weight: int
    """What it weighs when it is signed; foreign witnesses at their most."""
    change_vout: int | None


@dataclass(frozen=True, slots=True)
class ChangeScript:
    """Where change goes."""

    kind: KeyKind
    script_pubkey: bytes

    @property
    def weight(self) -> int:
        """Weight of the output."""
        return output_weight(SCRIPT_SIZE[self.kind])

    @property
    def dust_limit_sat(self) -> int:
        """The least amount of such an output."""
        return DUST_LIMIT_SAT[self.kind]


def compose(
    request: Request, usable: Sequence[Coin], script_of: Callable[[Coin], bytes], change: ChangeScript
) -> Composition:
    """Choose coins among the `usable` ones and put the transaction together.

    InsufficientFunds if they do not suffice. A transaction without wanted outputs pays everything to change.
    """
    return _Composer(request, script_of, change).compose(usable)


@dataclass(frozen=True, slots=True)
class _Composer:
    request: Request
    script_of: Callable[[Coin], bytes]
    change: ChangeScript

    def compose(self, usable: Sequence[Coin]) -> Composition:
        request, chosen = self.request, self.request.must_spend
        outputs = list(request.outputs) or [Output(self.change.dust_limit_sat, self.change.script_pubkey)]
        weight = transaction_weight(self._input_weights(chosen), outputs)
        given_sat = sum(output.amount_sat for output in self._spent(chosen))
        target_sat = sum(output.amount_sat for output in outputs) + request.required_fee_sat(weight) - given_sat
        while True:
            composition = self._with(self._chosen(usable, target_sat))
            if isinstance(composition, Composition):
                return composition
            # The counts of inputs and outputs grew by bytes that no coin pays for.
            target_sat += composition

    def _chosen(self, usable: Sequence[Coin], target_sat: int) -> tuple[Coin, ...]:
        """The coins to spend: those that must be, and others whose effective values reach the target."""
        if target_sat <= 0:
            return self.request.must_spend
        feerate = self.request.feerate_per_kw
        spare_sat = fee_sat(feerate, self.change.weight) + self.change.dust_limit_sat - 1
        return (*self.request.must_spend, *select(usable, target_sat, feerate, spare_sat).coins)

    def _with(self, coins: tuple[Coin, ...]) -> Composition | int:
        """The transaction that spends these coins; or how much is missing for it."""
        request, change = self.request, self.change
        spent, inputs = self._spent(coins), self._input_weights(coins)
        outputs, change_vout = list(request.outputs), None
        surplus_sat = sum(output.amount_sat for output in spent) - sum(output.amount_sat for output in outputs)
        with_change = [*outputs, Output(0, change.script_pubkey)]
        change_sat = surplus_sat - request.required_fee_sat(transaction_weight(inputs, with_change))
        if change_sat >= change.dust_limit_sat:
            outputs, change_vout = [*outputs, Output(change_sat, change.script_pubkey)], len(outputs)
            surplus_sat -= change_sat
        if not outputs:  # a transaction without outputs is none
            return change.dust_limit_sat - change_sat
        weight = transaction_weight(inputs, outputs)
        if (missing_sat := request.required_fee_sat(weight) - surplus_sat) > 0:
            return missing_sat
        return Composition(self._draft(coins, outputs), spent, coins, surplus_sat, weight, change_vout)

    def _draft(self, coins: tuple[Coin, ...], outputs: list[Output]) -> Draft:
        request = self.request
        sequence = REPLACEABLE if request.replaceable else FINAL
        foreign_inputs = tuple(Input(each.outpoint, each.sequence) for each in request.foreign)
        own_inputs = tuple(Input(coin.outpoint, sequence) for coin in coins)
        return Draft((*foreign_inputs, *own_inputs), tuple(outputs), request.locktime)

    def _spent(self, coins: tuple[Coin, ...]) -> tuple[Output, ...]:
        own = (Output(coin.amount_sat, self.script_of(coin)) for coin in coins)
        return (*(each.output for each in self.request.foreign), *own)

    def _input_weights(self, coins: tuple[Coin, ...]) -> list[int]:
        foreign = [each.weight for each in self.request.foreign]
        return foreign + [input_weight(coin.path.kind) for coin in coins]


def compose_all(
    coins: Sequence[Coin],
    script_of: Callable[[Coin], bytes],
    script_pubkey: bytes,
    feerate_per_kw: int,
    extra: tuple[Output, ...] = (),
) -> Composition:
    """Pay all coins that are worth their input to one script, besides the `extra` outputs.

    InsufficientFunds if nothing would be left for it.
    """
    worth = [coin for coin in coins if coin.amount_sat > fee_sat(feerate_per_kw, input_weight(coin.path.kind))]
    shape = [Output(0, script_pubkey), *extra]
    weight = transaction_weight([input_weight(coin.path.kind) for coin in worth], shape)
    fee = fee_sat(feerate_per_kw, weight)
    total_sat = sum(coin.amount_sat for coin in worth)
    wanted_sat = fee + sum(output.amount_sat for output in extra) + max(DUST_LIMIT_SAT.values())
    if total_sat < wanted_sat:
        raise InsufficientFunds(wanted_sat, total_sat)
    amount_sat = total_sat - fee - sum(output.amount_sat for output in extra)
    draft = Draft(
        tuple(Input(coin.outpoint, REPLACEABLE) for coin in worth), (Output(amount_sat, script_pubkey), *extra)
    )
    spent = tuple(Output(coin.amount_sat, script_of(coin)) for coin in worth)
    return Composition(draft, spent, tuple(worth), fee, weight, None)
