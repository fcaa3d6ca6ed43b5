"""Coins of a wallet as inputs: p2wpkh and p2tr, signed with ``SIGHASH_ALL`` (B02-itx-signatures-s-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from boltwire.scripts import p2wpkh, p2wpkh_script_code
from boltwire.secp256k1 import PrivateKey
from boltwire.sighash import SegwitDigests, sign_for_witness
from boltwire.taproot import sign_key_path, taproot_digest, taproot_script
from boltwire.transaction import Outpoint, Transaction, TxOutput
from boltwire.weights import EXPECTED_SIGNATURE_SIZE, witness_weight
from boltwire.witnesses import p2wpkh_tail

TAPROOT_SIGNATURE_SIZE = 65
"""Bytes of a key-path signature with its sighash type."""


@dataclass(frozen=True, slots=True)
class WalletCoin:
    """An unspent output and its key; ValueError unless its script is the p2wpkh or the p2tr of the key."""

    outpoint: Outpoint
    output: TxOutput
    key: PrivateKey

    def __post_init__(self) -> None:
        pubkey = self.key.public_key
        if self.output.script_pubkey not in (p2wpkh(pubkey.encoded), taproot_script(pubkey)):
            raise ValueError("the script is neither p2wpkh nor p2tr of the key")

    @property
    def is_taproot(self) -> bool:
        """Whether the coin is p2tr (else p2wpkh)."""
        return len(self.output.script_pubkey) == 34

    def witness_weight(self) -> int:
        """Expected weight of the coin's witness."""
        if self.is_taproot:
            return witness_weight((TAPROOT_SIGNATURE_SIZE,))
        return witness_weight((EXPECTED_SIGNATURE_SIZE, len(self.key.public_key.encoded)))


def sign_wallet_inputs(
    transaction: Transaction, coins: Sequence[WalletCoin], spent: Mapping[Outpoint, TxOutput]
) -> Transaction:
    """``transaction`` with the witnesses of all inputs that spend ``coins``; other inputs are left as they are.

    ``spent`` are the outputs that the other inputs spend: a taproot signature covers them too. ValueError when a coin
    is no input, or when a taproot signature needs an output that is missing from ``spent``.
    """
    known = {**spent, **{coin.outpoint: coin.output for coin in coins}}
    positions = {item.outpoint: index for index, item in enumerate(transaction.inputs)}
    digests = SegwitDigests(transaction)
    inputs = list(transaction.inputs)
    for coin in coins:
        if coin.outpoint not in positions:
            raise ValueError(f"no input spends {coin.outpoint}")
        index = positions[coin.outpoint]
        if coin.is_taproot:
            witness: tuple[bytes, ...] = (sign_key_path(coin.key, _taproot_digest(transaction, index, known)),)
        else:
            pubkey = coin.key.public_key.encoded
            digest = digests.digest(index, p2wpkh_script_code(pubkey), coin.output.amount_sat)
            witness = sign_for_witness(coin.key, digest), *p2wpkh_tail(pubkey)
        inputs[index] = replace(inputs[index], witness=witness)
    return replace(transaction, inputs=tuple(inputs))


def _taproot_digest(transaction: Transaction, index: int, known: Mapping[Outpoint, TxOutput]) -> bytes:
    missing = [str(item.outpoint) for item in transaction.inputs if item.outpoint not in known]
    if missing:
        raise ValueError(f"a taproot signature needs to know the outputs {', '.join(missing)}")
    return taproot_digest(transaction, index, [known[item.outpoint] for item in transaction.inputs])
