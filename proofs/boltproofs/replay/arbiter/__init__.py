"""Replay of the chain world: each transaction of the model made real, and every block judged by consensus.

The model of :mod:`boltspec.chain` names transactions by what they are for. Here each name gets the bytes that BOLT 3
and BOLT 5 give it (``making``), every block of the model becomes a block of Bitcoin Core's consensus code (``twin``),
and after each of them the ledger must be the UTXO set (``comparison``). ``locks`` asks consensus about every way to
spend every output one block before the model's locks open, and when they do.

Messages are signed and secrets handed over as in the replay of the update dance (:mod:`boltproofs.replay.messages`);
penalties are made with what the victim's store yields.

Left out: who knows which preimage, which is the model's word. And the wallet's coins, from which the model lets claims
pay their fees: the real claims pay none, as blocks do not ask for any.
"""
