"""`boltchain serve`: one regtest chain on Bitcoin Core's consensus library, offered to several processes over RPC.

From below: `blocklog` (the file that a chain is), `books` (its unspent outputs), `chainstate` (the library, the log and
the books as one), `standard` and `policy` (what may be relayed), `pool` (what waits), `acceptance` (what may enter),
`packages`, `template` (what is mined), `node` (all of that together), `methods` (RPC), `http`, `command`. And
`process`, for programs that want a server of their own.
"""
