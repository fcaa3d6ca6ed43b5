"""Bitcoin for tests and replays: private regtest chains behind one interface. Knows nothing of Lightning.

Read `boltchain.interface` first. `boltchain.embedded` runs Bitcoin Core's consensus library in this process;
`boltchain.bitcoind` drives a real node; `boltchain.provision` finds or fetches that node's program.
"""
