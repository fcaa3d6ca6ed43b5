"""A small wallet for a node: keys from a seed, coins from blocks, transactions that pay exactly what they should.

From below: `hd` (BIP 32 keys), `keys` (BIP 84 and 86 addresses), `sighash` and `weights`, `coins` (what is known),
`store` (where it is kept), `selection` (which coins pay), `draft` (inputs, outputs, fee), `tracking` (blocks come and
go), `wallet` (all of that together; read this one first). It knows nothing of what the money is for.
"""
