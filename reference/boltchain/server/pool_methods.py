"""RPC methods about the mempool: offering transactions, and looking at those that wait."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from boltchain.dust import is_unspendable
from boltchain.server.acceptance import MISSING_INPUTS, Candidate, Refusal
from boltchain.server.answers import SAT_PER_BITCOIN, bitcoin, waiting_json
from boltchain.server.node import RegtestNode
from boltchain.server.packages import (
    MAX_PACKAGE_COUNT,
    MalformedPackage,
    Member,
    is_child_with_parents,
    submit_package,
    try_package,
)
from boltchain.server.parameters import (
    ALREADY_CONFIRMED,
    NOT_FOUND,
    PARAMETER,
    REJECTED,
    TYPE,
    VERIFY,
    Failure,
    as_amount,
    as_hash,
    as_list,
    as_number,
    as_transaction,
)
from boltchain.server.policy import fee_at
from boltchain.server.registry import method
from boltchain.transaction import OutPoint, Transaction, Txid, display

DEFAULT_MAX_FEERATE = Decimal("0.10")
"""Bitcoin per 1000 vbytes: more is refused as a mistake unless the caller says otherwise."""


@method
def sendrawtransaction(
    node: RegtestNode, hexstring: Any, maxfeerate: Any = DEFAULT_MAX_FEERATE, maxburnamount: Any = 0
) -> str:
    """Offer a transaction to the mempool; its id."""
    transaction = as_transaction(hexstring)
    _check_burn(transaction, as_amount(maxburnamount, "maxburnamount"))
    limit = as_amount(maxfeerate, "maxfeerate")
    if node.chain.books.has_output_of(transaction):
        raise Failure(ALREADY_CONFIRMED, "Transaction outputs already in utxo set")
    if transaction.txid in node.pool:
        return display(transaction.txid)
    try:
        candidate = node.check(transaction)
    except Refusal as refusal:
        raise _refused(refusal) from refusal
    if _exceeds(candidate, limit):
        message = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
        raise Failure(VERIFY, message)
    node.enter([candidate])
    return display(transaction.txid)


def _refused(refusal: Refusal) -> Failure:
    return Failure(VERIFY if refusal.reason == MISSING_INPUTS else REJECTED, str(refusal))


def _check_burn(transaction: Transaction, limit: Decimal) -> None:
    burnt = [output.amount_sat for output in transaction.outputs if is_unspendable(output.script_pubkey)]
    if any(amount_sat > limit * SAT_PER_BITCOIN for amount_sat in burnt):
        raise Failure(VERIFY, "Unspendable output exceeds maximum configured by user (maxburnamount)")


def _exceeds(candidate: Candidate, limit: Decimal) -> bool:
    """Whether a fee is above a limit in bitcoin per 1000 vbytes; 0 means no limit."""
    return bool(limit) and candidate.fee_sat > fee_at(int(limit * SAT_PER_BITCOIN), candidate.vsize)


@method
def testmempoolaccept(  # Bitcoin Core's name, not a test
    node: RegtestNode,
    rawtxs: Any,
    maxfeerate: Any = DEFAULT_MAX_FEERATE,  # noqa: PT028
) -> list[dict[str, Any]]:
    """Whether the mempool would take transactions, one after the other; it stays as it is."""
    transactions = _package(rawtxs)
    limit = as_amount(maxfeerate, "maxfeerate")
    try:
        members = try_package(node, transactions)
    except MalformedPackage as malformed:
        return [_names(each) | {"package-error": str(malformed)} for each in transactions]
    judged = ((each, members.get(each.txid)) for each in transactions)
    return [_names(each) if member is None else _tested(member, limit) for each, member in judged]


def _package(rawtxs: Any) -> list[Transaction]:
    items = as_list(rawtxs, "rawtxs")
    if not 1 <= len(items) <= MAX_PACKAGE_COUNT:
        raise Failure(PARAMETER, f"Array must contain between 1 and {MAX_PACKAGE_COUNT} transactions.")
    return [as_transaction(item, "rawtxs") for item in items]


def _names(transaction: Transaction) -> dict[str, Any]:
    return {"txid": display(transaction.txid), "wtxid": display(transaction.wtxid)}


def _tested(member: Member, limit: Decimal) -> dict[str, Any]:
    names = _names(member.transaction)
    if member.refusal is not None:
        # Bitcoin Core gives this reason its own name here.
        reason = "missing-inputs" if member.refusal.reason == MISSING_INPUTS else member.refusal.reason
        return names | {"allowed": False, "reject-reason": reason, "reject-details": str(member.refusal)}
    if limit and member.fee_sat > fee_at(int(limit * SAT_PER_BITCOIN), member.transaction.vsize):
        return names | {"allowed": False, "reject-reason": "max-fee-exceeded"}
    return names | {
        "allowed": True,
        "vsize": member.transaction.vsize,
        "fees": _fees(member),
    }


def _fees(member: Member) -> dict[str, Any]:
    """The fee of a transaction, and the feerate of all that were counted together with it."""
    company = member.company or (member.transaction,)
    return {
        "base": bitcoin(member.fee_sat),
        "effective-includes": [display(each.wtxid) for each in company],
    }


@method
def submitpackage(
    node: RegtestNode, package: Any, maxfeerate: Any = DEFAULT_MAX_FEERATE, maxburnamount: Any = 0
) -> dict[str, Any]:
    """Offer a child with its parents, so that it may pay for them."""
    transactions = _package(package)
    limit = as_amount(maxburnamount, "maxburnamount")
    as_amount(maxfeerate, "maxfeerate")
    if not is_child_with_parents(transactions):
        message = "package topology disallowed. not child-with-parents or parents depend on each other."
        raise Failure(VERIFY, message)
    for transaction in transactions:
        _check_burn(transaction, limit)
    before = {entry.txid for entry in node.pool.entries()}
    try:
        members = submit_package(node, transactions)
    except MalformedPackage as malformed:
        return {"package_msg": str(malformed), "tx-results": {}, "replaced-transactions": []}
    refused = any(member.refusal is not None for member in members)
    replaced = [txid for txid in before if txid not in node.pool]
    return {
        "package_msg": "transaction failed" if refused else "success",
        "tx-results": {display(member.transaction.wtxid): _member_json(member) for member in members},
        "replaced-transactions": [display(txid) for txid in replaced],
    }


def _member_json(member: Member) -> dict[str, Any]:
    name = {"txid": display(member.transaction.txid)}
    if member.refusal is not None:
        return name | {"error": str(member.refusal)}
    return name | {"vsize": member.transaction.vsize, "fees": _fees(member)}


@method
def getmempoolinfo(node: RegtestNode) -> dict[str, Any]:
    """How full the mempool is and what it demands."""
    relay = bitcoin(node.policy.min_relay_sat_per_kvb)
    return {
        "loaded": True,
        "size": len(node.pool),
        "bytes": node.pool.vsize,
        "total_fee": bitcoin(node.pool.fees_sat),
        "mempoolminfee": relay,
        "minrelaytxfee": relay,
        "incrementalrelayfee": bitcoin(node.policy.incremental_sat_per_kvb),
        "fullrbf": True,
    }


@method
def getrawmempool(node: RegtestNode, verbose: Any = False) -> Any:
    """The waiting transactions, parents before children: their ids, or an object for each."""
    entries = node.pool.entries()
    if not verbose:
        return [display(entry.txid) for entry in entries]
    return {display(entry.txid): waiting_json(node.pool, entry) for entry in entries}


@method
def getmempoolentry(node: RegtestNode, txid: Any) -> dict[str, Any]:
    """A waiting transaction with its relatives."""
    entry = node.pool.get(Txid(as_hash(txid, "txid")))
    if entry is None:
        raise Failure(NOT_FOUND, "Transaction not in mempool")
    return waiting_json(node.pool, entry)


@method
def gettxspendingprevout(node: RegtestNode, outputs: Any) -> list[dict[str, Any]]:
    """Which waiting transactions spend some outputs."""
    found = []
    for item in as_list(outputs, "outputs"):
        if not isinstance(item, dict):
            raise Failure(TYPE, "outputs must hold objects with txid and vout")
        outpoint = OutPoint(
            Txid(as_hash(item.get("txid"), "txid")), as_number(item.get("vout"), "vout", high=2**32 - 1)
        )
        spender = node.pool.spender(outpoint)
        answer = {"txid": display(outpoint.txid), "vout": outpoint.vout}
        found.append(answer if spender is None else answer | {"spendingtxid": display(spender)})
    return found


@method
def estimatesmartfee(node: RegtestNode, conf_target: Any, estimate_mode: Any = "economical") -> dict[str, Any]:
    """No estimate: blocks come when somebody asks for them."""
    del node, estimate_mode
    target = as_number(conf_target, "conf_target", low=1, high=1008)
    return {"errors": ["Insufficient data or no feerate found"], "blocks": target}
