"""Replay at scale, ``make replay``: exit 0 only if there were enough traces and consensus agreed with each."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from boltchain.bitcoind import BitcoindChain
from boltchain.daemon import AS_ON_MAINNET
from boltchain.embedded import EmbeddedChain
from boltchain.provision import HOW_TO_PROVIDE, find_bitcoind
from boltproofs.progress import Slowly
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.largest import Trial
from boltproofs.replay.relay.trial import run_trials
from boltproofs.replay.scale import Outcome, replay_many, replayed
from boltproofs.replay.scope import Extent
from boltproofs.results import directory

CORES = os.cpu_count() or 1
TRACES = 10_000
RELAY_TRIALS = 100
RELAY_HELP = "Trials on bitcoind's mempool."
HOLDS, FAILED = 0, 1


@click.command()
@click.option("--traces", default=TRACES, show_default=True, type=click.IntRange(min=1), help="Distinct traces.")
@click.option("--seed", default=1, show_default=True, help="What the random samples depend on.")
@click.option("--workers", default=CORES, show_default=True, type=click.IntRange(min=1), help="Processes.")
@click.option("--scenario", "scenarios", multiple=True, type=click.Choice(replayed()), help="Only this one.")
@click.option("--relay", default=RELAY_TRIALS, show_default=True, type=click.IntRange(min=0), help=RELAY_HELP)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the result as JSON; - for output.")
def main(
    *, traces: int, seed: int, workers: int, scenarios: tuple[str, ...], relay: int, json_file: Path | None
) -> None:
    """Replay many distinct traces on Bitcoin Core's consensus code, comparing model and chain after every step."""
    started, say = time.monotonic(), Slowly()
    click.echo(f"seed {seed}, {workers} processes", err=True)
    outcome = replay_many(
        traces, seed, workers, scenarios or None, lambda so_far: say(f"{so_far.traces} of {traces} traces")
    )
    seconds = time.monotonic() - started
    data = _to_json(outcome, traces, seed, seconds)
    data["largest"] = {} if scenarios else _largest()
    data["relay"] = {} if scenarios else _relay(seed, relay)
    if json_file is not None and str(json_file) != "-":
        json_file.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(data, indent=1) if str(json_file) == "-" else _report(data))
    others_agree = not any("disagreement" in one for one in (*data["largest"].values(), data["relay"]))
    sys.exit(HOLDS if data["agreed"] and data["traces"] >= traces and others_agree else FAILED)


def _to_json(outcome: Outcome, wanted: int, seed: int, seconds: float) -> dict[str, Any]:
    return {
        "version": version("boltspec"),
        "seed": seed,
        "wanted": wanted,
        "traces": outcome.traces,
        "agreed": not outcome.disagreed,
        "steps": outcome.steps,
        "probes": outcome.probes,
        "seconds": round(seconds, 1),
        "processor_seconds": round(outcome.processor_seconds, 1),
        "by_scenario": {name: _extent(outcome, name) for name in sorted(outcome.digests)},
        "covered": dict(sorted(outcome.covered.items())),
        "disagreements": [
            {"trace": _saved(number, one.trace), "report": one.report} for number, one in enumerate(outcome.disagreed)
        ],
    }


def _largest() -> dict[str, Any]:
    """Make the largest transactions of each format real; say what they weigh by the model and on consensus."""
    return {name: _weights(name == "anchors") for name in ("anchors", "no anchors")}


def _weights(option_anchors: bool) -> dict[str, Any]:
    with EmbeddedChain() as chain:
        try:
            kinds = Trial(chain, option_anchors=option_anchors).run().kinds
        except Disagreement as found:
            return {"disagreement": str(found)}
    return {
        kind.name: {"transactions": len(kind.transactions), "at_most": kind.modelled, "weight": kind.weight}
        for kind in kinds
    }


def _relay(seed: int, trials: int) -> dict[str, Any]:
    """Compare a node's mempool with the model's policy; say how often each answer was given by both."""
    program = find_bitcoind()
    if program is None or not trials:
        return {"left_out": "not asked for" if program else f"no bitcoind: {HOW_TO_PROVIDE}"}
    with BitcoindChain.start(program, AS_ON_MAINNET) as chain:
        try:
            tally = run_trials(chain, seed, trials)
        except Disagreement as found:
            return {"disagreement": str(found)}
    return {"trials": tally.trials, "answers": dict(sorted(tally.answers.items()))}


def _extent(outcome: Outcome, name: str) -> dict[str, Any]:
    """How many traces of a scenario were replayed, and what part of it they are."""
    traces = len(outcome.digests[name])
    if (whole := outcome.whole.get(name)) is None:
        return {"traces": traces, "extent": Extent.SAMPLE}
    return {"traces": traces, "extent": whole.extent, "transitions": whole.transitions, "runs": whole.runs}


def _saved(number: int, trace: Any) -> str:
    """Write a minimal test file and return its name."""
    directory().mkdir(parents=True, exist_ok=True)
    file = directory() / f"disagreement-{number}.json"
    trace.save(file)
    return os.path.relpath(file)


def _report(data: dict[str, Any]) -> str:
    lines = [f"{name:28} {_extent_text(one)}" for name, one in data["by_scenario"].items()]
    lines += [f"{name:44} {count:9}" for name, count in data["covered"].items()]
    for name, kinds in data["largest"].items():
        lines += [f"483 HTLCs each way, {name}: {kind}: {_weight_text(one)}" for kind, one in kinds.items()]
    lines += _relay_lines(data["relay"])
    for one in data["disagreements"]:
        lines += [one["report"], f"again: boltspec replay --probing --show {one['trace']}"]
    rate = data["traces"] / max(data["seconds"], 0.1)
    each_ms = 1000 * data["processor_seconds"] / max(data["traces"], 1)
    whole = [one for one in data["by_scenario"].values() if one["extent"] != Extent.SAMPLE]
    lines.append(
        f"small scenarios, replayed whole: {len(whole)}, by {sum(one['traces'] for one in whole)} traces;"
        f" of {len(data['by_scenario']) - len(whole)} others a sample"
    )
    lines.append(
        f"seed {data['seed']}: {data['traces']} distinct traces, {data['steps']} steps, {data['probes']} spends tried,"
        f" in {data['seconds']} s ({rate:.0f} per second; {data['processor_seconds']} s of processor time,"
        f" {each_ms:.0f} ms for each); {len(data['disagreements'])} disagreements"
    )
    return "\n".join(lines)


def _relay_lines(relay: dict[str, Any]) -> list[str]:
    if "trials" not in relay:
        return [f"MEMPOOL POLICY: {what}" for what in relay.values()]
    lines = [f"bitcoind's mempool, {answer:60} {count:6}" for answer, count in relay["answers"].items()]
    return [
        *lines,
        f"bitcoind's mempool: {relay['trials']} trials, {sum(relay['answers'].values())} answers, all agree",
    ]


def _weight_text(one: dict[str, int] | str) -> str:
    if isinstance(one, str):
        return one
    return f"{one['transactions']} of at most {one['weight']:,} weight units, {one['at_most']:,} modelled; all valid"


def _extent_text(one: dict[str, Any]) -> str:
    text = f"{one['traces']:7} traces: {one['extent']}"
    if one["extent"] is Extent.TRANSITIONS:
        return f"{text} ({one['transitions']:,} of the search; it has {one['runs']:,} maximal runs)"
    return text


if __name__ == "__main__":
    main()
