"""One chain client: everything that a program asks of a Bitcoin node, over asyncio.

`boltchain.client.node.ChainClient` offers the calls as typed methods, `boltchain.client.connection` carries them as
JSON-RPC over HTTP, `boltchain.client.follower` turns a node's chain into a gapless stream of blocks, and
`boltchain.client.fees` says what to pay. The node may be `bitcoind` or `boltchain serve`: the client does not know.
"""
