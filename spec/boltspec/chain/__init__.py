"""The chain as arbiter of one channel: transactions, ledger, mempool, and what BOLT 5 makes a node do there."""
