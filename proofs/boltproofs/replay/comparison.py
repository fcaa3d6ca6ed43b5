"""Comparing the model's ledger with the chain's UTXO set, and what it calls possible with what consensus allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from boltchain.transaction import OutPoint
from boltproofs.replay.claims import Impossible, hurried, to_remote_sweep
from boltproofs.replay.coins import ANCHORS, Descendants, Unspent, on_chain
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.onchain import OnChain
from boltspec.enforcement import knows_secret
from boltspec.htlc import LOCAL
from boltspec.ledger import Confirmed, Ledger, is_open
from boltspec.outputs import PATHS, Kind, Need, Path, Spender, Use
from boltspec.scenario import NAMES
from boltspec.world import World
from boltwire.commitment import BuiltCommitment
from boltwire.fees import ANCHOR_SAT
from boltwire.scripts import p2wsh


def compare(ledger: Ledger, reality: OnChain, descendants: Descendants) -> None:
    """Raise :class:`Disagreement` unless model and chain have the same outputs, amounts, owners and heights."""
    height = reality.funding.real_height(ledger.height)
    if reality.chain.height() != height:
        raise Disagreement("height", f"{height}", f"the chain is at {reality.chain.height()}")
    unspent = descendants.unspent(reality.pending)
    if ledger.closing is None:
        expected = {on_chain(reality.funding.outpoint)}
        if unspent.keys() != expected:
            raise Disagreement("the funding output", "that it is unspent", f"unspent are {_listed(unspent)}")
        return
    _compare_coins(ledger, reality, unspent)
    _compare_wallets(ledger, reality, unspent)
    _compare_anchors(reality.built(ledger.closing.owner), unspent)
    if unspent:
        raise Disagreement("the UTXO set", "that this is all", f"there is also {_listed(unspent)}")


def _compare_coins(ledger: Ledger, reality: OnChain, unspent: dict[OutPoint, Unspent]) -> None:
    if len(ledger.unspent) != len(reality.coins):
        raise Disagreement("unspent outputs", f"{len(ledger.unspent)}", f"{len(reality.coins)} are there")
    for entry, coin in zip(ledger.unspent, reality.coins, strict=True):
        output, height = entry.output, reality.funding.real_height(entry.height)
        found = unspent.pop(on_chain(coin.outpoint), None)
        for party in (0, 1):
            modelled = Unspent(int(output.amount_sat), _script(reality.built(party), output.kind, coin.vout), height)
            if found != modelled or output.kind is not coin.kind:
                what = f"{output.kind} at {coin.outpoint} as {NAMES[party]} sees it"
                raise Disagreement(what, f"{modelled}", f"{coin.kind}: {found}")


def _script(built: BuiltCommitment, kind: Kind, vout: int) -> bytes:
    """The output script of a kind of output, from one party's own keys."""
    if kind in {Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC}:
        return p2wsh(built.delayed_script)
    return built.outputs[vout].output.script_pubkey


def _compare_wallets(ledger: Ledger, reality: OnChain, unspent: dict[OutPoint, Unspent]) -> None:
    modelled = sorted((payment.kind, payment.payee, int(payment.amount_sat)) for payment in ledger.paid)
    real = []
    for swept in reality.swept:
        found = unspent.pop(on_chain(swept.coin.outpoint), None)
        if found is None or found.script_pubkey != reality.parties[swept.payee].keys.wallet_script:
            raise Disagreement(f"the swept {swept.kind}", f"that {NAMES[swept.payee]} has it", f"{found}")
        real.append((swept.kind, swept.payee, found.amount_sat))
    if modelled != sorted(real):
        raise Disagreement("payments", f"{modelled}", f"the wallets got {sorted(real)}")


def _compare_anchors(built: BuiltCommitment, unspent: dict[OutPoint, Unspent]) -> None:
    """Take the anchors out, which the model leaves out; nobody spends them here."""
    for vout, output in enumerate(built.outputs):
        if output.role in ANCHORS:
            found = unspent.pop(on_chain(built.outpoint(vout)), None)
            if found is None or (found.amount_sat, found.script_pubkey) != (ANCHOR_SAT, output.output.script_pubkey):
                raise Disagreement(f"{output.role.value}", f"that it holds {ANCHOR_SAT} sat", f"{found}")


def _listed(unspent: Mapping[OutPoint, Unspent]) -> str:
    return ", ".join(f"{outpoint} ({entry.amount_sat} sat)" for outpoint, entry in unspent.items()) or "nothing"


def probe(world: World, reality: OnChain) -> int:
    """Try every path of every unspent output for real, and count the attempts.

    Raises :class:`Disagreement` unless consensus takes exactly those that the model calls usable now.
    """
    attempts = 0
    for index, entry in enumerate(world.ledger.unspent):
        for path in PATHS[entry.output.kind]:
            attempts += _probe_path(world, reality, index, path)
        if entry.output.kind is Kind.TO_REMOTE:
            attempts += _probe_to_remote(world, reality)
    return attempts


def _probe_path(world: World, reality: OnChain, index: int, path: Path) -> int:
    entry = world.ledger.unspent[index]
    closing = world.ledger.closing
    assert closing is not None
    party = closing.owner if path.spender is Spender.OWNER else 1 - closing.owner
    reason = _obstacle(world, party, entry, path)
    refusals = list(_refusals(reality, party, index, entry, path, locked=reason is not None))
    for refusal in refusals:
        if (reason is None) is not (refusal is None):
            what = f"{NAMES[party]} spending {entry.output.kind} by {path.use} after height {world.ledger.height}"
            model = "that it can" if reason is None else f"that it cannot: {reason}"
            raise Disagreement(what, model, "it can" if refusal is None else f"it cannot: {refusal}")
    return len(refusals)


def _obstacle(world: World, party: int, entry: Confirmed, path: Path) -> str | None:
    """What the model says stands in the way of a spend in the next block; ``None`` if nothing does."""
    closing = world.ledger.closing
    assert closing is not None
    if path.need is Need.SECRET and not knows_secret(world.nodes[party], closing.number):
        return f"it does not know the secret of commitment {closing.number}"
    delay = world.nodes[closing.owner].params.binding(LOCAL).to_self_delay
    if not is_open(path, entry, world.ledger.height, delay):
        return "the expiry is not reached" if path.need is Need.EXPIRY else f"the delay of {delay} blocks is not over"
    return None


def _refusals(
    reality: OnChain, party: int, index: int, entry: Confirmed, path: Path, *, locked: bool
) -> Iterator[str | None]:
    """Consensus's reasons against a party's attempts: the regular one, and where a lock is closed one without locks."""
    try:
        yield reality.refusal(reality.claim(party, index, entry, path))
    except Impossible as missing:
        yield str(missing)
        return
    # The lock time of an HTLC-timeout transaction is covered by the peer's signature: there is nothing to leave out.
    if locked and path.need in {Need.DELAY, Need.EXPIRY} and path.use is not Use.HTLC_TIMEOUT:
        coin, built = reality.coins[index], reality.built(party)
        yield reality.refusal(hurried(reality.parties[party], built, coin, path, entry.output.htlc))


def _probe_to_remote(world: World, reality: OnChain) -> int:
    """The other party's balance is its own from the next block on."""
    assert world.ledger.closing is not None
    other = 1 - world.ledger.closing.owner
    sweep = to_remote_sweep(reality.parties[other], reality.built(other))
    refusal = "it is trimmed" if sweep is None else reality.refusal(sweep)
    if refusal is not None:
        raise Disagreement("to_remote", f"that {NAMES[other]} owns it", f"it cannot spend it: {refusal}")
    return 1
