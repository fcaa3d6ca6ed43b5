"""The private node and its RPC: start, stop, errors; and that the node knows no more than our books."""

from __future__ import annotations

from pathlib import Path

import pytest

from boltchain.bitcoind import BitcoindChain
from boltchain.daemon import BitcoindProcess, free_port
from boltchain.faucet import PREMINED_BLOCKS
from boltchain.provision import find_bitcoind
from boltchain.rpc import Rpc, RpcError
from boltchain.transaction import display


def test_program_that_does_not_stay_up_is_reported_with_its_output(tmp_path: Path) -> None:
    broken = tmp_path / "bitcoind"
    broken.write_text("#!/bin/sh\necho 'no such option'\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(RuntimeError, match=r"exit status 1\): no such option"):
        BitcoindProcess(broken)


def test_rpc_tells_when_nobody_answers() -> None:
    with pytest.raises(ConnectionError, match=r"no answer from the node at 127\.0\.0\.1:"):
        Rpc(free_port(), "user:password").call("getblockcount")


def test_rpc_tells_when_the_credentials_are_refused(bitcoind: BitcoindChain) -> None:
    rpc = Rpc(bitcoind.rpc.port, "somebody:else")
    with pytest.raises(ConnectionError, match="refuses the credentials"):
        rpc.call("getblockcount")
    rpc.close()


def test_rpc_passes_the_nodes_error_on(bitcoind: BitcoindChain) -> None:
    with pytest.raises(RpcError, match="Block height out of range") as error:
        bitcoind.rpc.call("getblockhash", 10**6)
    assert error.value.code == -8
    assert bitcoind.rpc.call("getblockcount") == bitcoind.height()


def test_second_node_lives_beside_the_first_and_vanishes_when_closed(bitcoind: BitcoindChain) -> None:
    program = find_bitcoind()
    assert program is not None
    with BitcoindProcess(program) as process:
        assert process.rpc.call("getblockcount") == 0
        chain = BitcoindChain(process.rpc)
        assert chain.height() == PREMINED_BLOCKS
        directory = process.directory
        assert directory.is_dir()
    assert not directory.exists()
    assert bitcoind.height() >= PREMINED_BLOCKS


def test_chain_follows_blocks_and_reorganisations_that_others_make(bitcoind: BitcoindChain) -> None:
    coin = bitcoind.fund(b"\x51", 1_000)
    funded_at = bitcoind.transaction_height(coin.txid)
    assert funded_at == bitcoind.height()
    bitcoind.rpc.call("invalidateblock", display(bitcoind.tip()))
    assert bitcoind.transaction_height(coin.txid) is None
    bitcoind.mine(transactions=[])  # the very same block would be refused as the one that was declared invalid
    bitcoind.mine()
    assert bitcoind.transaction_height(coin.txid) == funded_at + 1
