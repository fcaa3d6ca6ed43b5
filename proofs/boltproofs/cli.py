"""The ``boltspec`` command.

Exit codes: 0 everything that was asked for holds, 1 something does not, 2 wrong use or damaged input, 4 incomplete
(a bound was hit before the end), 5 internal error. Results go to standard output, progress to standard error;
``--json`` writes the result for programs to a file, or with ``-`` to standard output instead of the tables.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from boltproofs import tables
from boltproofs.ablation import ablate
from boltproofs.attacks import look_for
from boltproofs.citations import switchable_rules
from boltproofs.deep_job import saved_file
from boltproofs.explorer.saved import Saved, SavedError
from boltproofs.explorer.search import Result, Verdict, search
from boltproofs.explorer.shard import Bounds
from boltproofs.families import PROPERTIES, SCENARIOS, family_of
from boltproofs.known_attacks import ATTACKS
from boltproofs.ladder import ladder
from boltproofs.names import Named, hint
from boltproofs.progress import Slowly
from boltproofs.replay import CHAINS, MODEL, NoBitcoind, NotOnThisChain, on_the_model, replay
from boltproofs.results import last_proofs, store, stored_or
from boltproofs.rule_status import rule_statuses
from boltproofs.trace import TraceError, load
from boltproofs.verify import SPOKEN, THEOREMS, VerifyResult, explained, summary_lines, verify
from boltspec.rules import requirements

HOLDS, FAILED, USAGE, INCOMPLETE, INTERNAL = 0, 1, 2, 4, 5
"""Exit codes."""
JSON_TO_STDOUT = "-"
PathLike = TypeVar("PathLike", str | None, Path | None)
CORES = os.cpu_count() or 1
BOLTS = tuple(map(str, sorted({requirement.bolt for requirement in requirements().values()})))
"""The BOLTs that have requirements."""


def _writable(_context: click.Context, _parameter: click.Parameter, value: PathLike) -> PathLike:
    """Refuse a file that cannot be written before the work is done that it is for."""
    if value not in (None, JSON_TO_STDOUT) and not Path(str(value)).absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(Path(str(value)).absolute().parent)!r}")
    return value


json_option = click.option(
    "--json",
    "json_file",
    metavar="FILE",
    callback=_writable,
    help="Write the result as JSON; - for standard output.",
)
without_option = click.option(
    "--without",
    multiple=True,
    type=Named("rule", switchable_rules),
    help="Switch this rule off (may be repeated).",
)
seconds_option = click.option("--seconds", type=click.FloatRange(min=0), help="Stop after this time: incomplete.")
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), default=CORES, show_default=True, help="Processes to use."
)


EXIT_CODES = (
    "Exit codes: 0 all of it holds, 1 something does not, 2 wrong use or damaged input, "
    "4 incomplete (a bound was hit), 5 internal error."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="boltspec")
def command() -> None:
    """The Lightning Network as a specification that runs: prove it, search it, weaken it, replay it."""


def main() -> None:
    """Run the command; an unexpected error is shown in full and ends with its own exit code."""
    try:
        command.main(standalone_mode=True)
    except Exception:  # the last resort, so that it is told apart from a failed check
        traceback.print_exc()
        sys.exit(INTERNAL)


# --- verify ---


@command.command("verify")
@click.argument("theorems", nargs=-1, type=Named("theorem", lambda: (*THEOREMS, *SPOKEN)))
@click.option(
    "--without",
    multiple=True,
    type=Named("rule", lambda: (*switchable_rules(), *explained())),
    help="Switch this rule off (may be repeated); or ask why one that cannot be plays no part.",
)
@seconds_option
@workers_option
@click.option("--smtlib", type=click.Path(path_type=Path, file_okay=False), help="Write every obligation as SMT-LIB.")
@click.option("--cross-check", is_flag=True, help="Ask cvc5 for a second opinion on every obligation.")
@json_option
def verify_command(
    *,
    theorems: tuple[str, ...],
    without: tuple[str, ...],
    seconds: float | None,
    workers: int,
    smtlib: Path | None,
    cross_check: bool,
    json_file: str | None,
) -> None:
    """Prove THEOREMS (all by default) for every channel, whatever its amounts and however many HTLCs it has."""
    off, say = frozenset(without), Slowly()
    if unsaid := off.difference(switchable_rules(), explained(theorems or None)):
        raise click.UsageError(f"none of these theorems says anything of {', '.join(sorted(unsaid))}")
    result = verify(
        theorems or None, off, seconds, smtlib_dir=smtlib, cross_check=cross_check, workers=workers, progress=say
    )
    data = result.to_json()
    _hand_over(data, json_file, lambda: _show_theorems(result, data))
    sys.exit(verify_exit_code(result))


def verify_exit_code(result: VerifyResult) -> int:
    """Return 0 if everything is proved, 1 if something is refuted or unmet, 4 if something is only unknown."""
    if result.holds:
        return HOLDS
    failed = any(entry.status == "refuted" or (entry.status == "proved" and entry.reason) for entry in result.theorems)
    return FAILED if failed else INCOMPLETE


def _show_theorems(result: VerifyResult, data: Mapping[str, Any]) -> None:
    tables.console().print(tables.theorems_table(data))
    for line in summary_lines(result):
        click.echo(line)


# --- explore ---


@command.command("explore")
@click.argument("scenario", type=Named("scenario", lambda: SCENARIOS))
@without_option
@seconds_option
@workers_option
@click.option(
    "--property",
    "properties",
    multiple=True,
    type=Named("property", lambda: PROPERTIES),
    help="Ask for this property only (may be repeated).",
)
@click.option("--max-states", type=click.IntRange(min=1), help="Stop after this many worlds: incomplete.")
@click.option("--max-memory", type=click.IntRange(min=1), metavar="MIB", help="Stop when a process has used so much.")
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_writable,
    help="Write the counterexample to this file.",
)
@click.option("--resume", is_flag=True, help="Write the search down as it goes, and go on where it was interrupted.")
@json_option
def explore_command(
    *,
    scenario: str,
    without: tuple[str, ...],
    properties: tuple[str, ...],
    seconds: float | None,
    workers: int,
    max_states: int | None,
    max_memory: int | None,
    trace_file: Path | None,
    resume: bool,
    json_file: str | None,
) -> None:
    """Search every world of SCENARIO; show the shortest way to break a property."""
    own = {one.name for one in family_of(SCENARIOS[scenario]).properties}
    for name in properties:
        if name not in own:
            raise click.UsageError(f"{name} is no property of the worlds of {scenario}{hint(name, own)}")
    bounds = Bounds(seconds, max_states, memory_bytes=None if max_memory is None else max_memory << 20)
    try:
        result = search(
            SCENARIOS[scenario],
            without=frozenset(without),
            asked=properties or None,
            bounds=bounds,
            workers=workers,
            progress=Slowly().searching,
            saved=Saved(saved_file(scenario)) if resume else None,
        )
    except SavedError as error:
        raise click.UsageError(str(error)) from error
    if result.trace is not None and trace_file is not None:
        result.trace.save(trace_file)
    _hand_over(result.to_json(), json_file, lambda: _show_search(result, trace_file))
    sys.exit({Verdict.HOLDS: HOLDS, Verdict.VIOLATED: FAILED, Verdict.UNKNOWN: INCOMPLETE}[result.verdict])


def _show_search(result: Result, trace_file: Path | None) -> None:
    tables.console().print(tables.searches_table([result.to_json()]))
    for reduced in result.reduced:
        click.echo(f"Left out: {reduced.what}. Checked by {reduced.checked_by}")
    if result.trace is not None:
        click.echo(ladder(result.trace, f"boltspec replay {trace_file}" if trace_file else None))
    if result.verdict is Verdict.UNKNOWN:
        click.echo(f"{result.stopped}: covered every world up to {result.depth - 1} moves from the start")


# --- ablate ---


@command.command("ablate")
@click.option(
    "--rule", "rules", multiple=True, type=Named("rule", switchable_rules), help="Only this rule (may be repeated)."
)
@click.option("--ladders", is_flag=True, help="Show each attack as a ladder.")
@workers_option
@json_option
def ablate_command(rules: tuple[str, ...], ladders: bool, workers: int, json_file: str | None) -> None:
    """Switch off one rule at a time and search for what breaks."""
    found = ablate(rules, workers)
    data = found.to_json()
    if not rules:
        store("ablate", data)

    def show() -> None:
        tables.console().print(tables.ablation_table(data))
        for finding in found.findings:
            if ladders and finding.trace is not None:
                click.echo(f"\n{ladder(finding.damage or finding.trace)}")
        click.echo(tables.ablation_summary(data))

    _hand_over(data, json_file, show)
    sys.exit(HOLDS if found.explained else FAILED)


# --- attacks ---


@command.command("attacks")
@click.argument("attacks", nargs=-1, type=Named("attack", lambda: [one.name for one in ATTACKS]))
@click.option("--ladders", is_flag=True, help="Show each attack as a ladder.")
@json_option
def attacks_command(attacks: tuple[str, ...], ladders: bool, json_file: str | None) -> None:
    """Find known ATTACKS (all by default) again from the rule that is missing, and show that the rule prevents them."""
    found = look_for([one for one in ATTACKS if not attacks or one.name in attacks])
    data = {"attacks": [one.to_json() for one in found]}

    def show() -> None:
        tables.console().print(tables.attacks_table(data))
        for one in found:
            if ladders and one.weakened.trace is not None:
                click.echo(f"\n{one.attack.name}: {one.attack.title}\n\n{ladder(one.weakened.trace)}")

    _hand_over(data, json_file, show)
    sys.exit(HOLDS if all(one.holds for one in found) else FAILED)


# --- replay ---


@command.command("replay")
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "--chain",
    type=click.Choice((*CHAINS, MODEL)),
    default="kernel",
    show_default=True,
    help=f"Where to replay; {MODEL} for the specification alone.",
)
@click.option("--show", is_flag=True, help="Show the trace as a ladder first.")
@click.option("--probing", is_flag=True, help="Try every way to spend every output, too.")
@json_option
def replay_command(*, trace: Path, chain: str, show: bool, probing: bool, json_file: str | None) -> None:
    """Replay TRACE on Bitcoin's own consensus code, comparing model and chain after every step."""
    try:
        loaded = load(trace)
        if chain != MODEL and not loaded.family().replayable:
            title = loaded.family().title.lower()
            raise click.UsageError(f"{title}: these worlds have no transactions for a chain; use --chain {MODEL}")
        result = on_the_model(loaded) if chain == MODEL else replay(loaded, chain, probing=probing)
    except (TraceError, NoBitcoind, NotOnThisChain) as error:
        raise click.UsageError(str(error)) from error
    shown = f"{ladder(loaded, f'boltspec replay {trace} --chain {chain}')}\n\n" if show else ""
    _hand_over(result.to_json(), json_file, lambda: click.echo(f"{shown}{result.report}"))
    sys.exit(HOLDS if result.agreed else FAILED)


# --- rules ---


@command.command("rules")
@click.option("--bolt", type=click.Choice(BOLTS), help="Only requirements of this BOLT.")
@workers_option
@json_option
def rules_command(bolt: str | None, workers: int, json_file: str | None) -> None:
    """Say of every requirement whether it is specified, proved, searched, tested, and what breaks without it.

    Proofs and ablation are taken from the last run if the sources are the same, and computed otherwise.
    """
    say = Slowly()
    verified = last_proofs() or stored_or("verify", lambda: verify(workers=workers, progress=say).to_json())
    ablated = stored_or("ablate", lambda: ablate(workers=workers).to_json())
    statuses = rule_statuses(verified, ablated, None if bolt is None else int(bolt))
    data = {"rules": [status.to_json() for status in statuses]}
    _hand_over(data, json_file, lambda: tables.console().print(tables.rules_table(statuses)))


# --- output ---


def _hand_over(data: Mapping[str, Any], json_file: str | None, show: Callable[[], None]) -> None:
    """Give the result to programs, to people, or to both."""
    if json_file == JSON_TO_STDOUT:
        click.echo(json.dumps(data, indent=1))
        return
    if json_file is not None:
        Path(json_file).write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    show()


if __name__ == "__main__":
    main()
