"""Running plain Python on symbolic values, one path at a time.

A path is given by its decisions. A function is run again and again, each time with a longer list of decisions
prescribed, until every way through it has been taken; what it computed before the first new decision is not computed
again (:meth:`Execution.once`). Two kinds of execution:

* *searching* (:func:`paths`): for steps. A branch is taken only if it is satisfiable together with what is known.
* *summing up* (:func:`summary`): for predicates and for the small functions handed to the HTLC collection. All
  branches are taken, and the result is the list of conditions and values.

Names of fresh symbols are counted afresh in each run, so that runs agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import z3

from boltproofs.formulas import conjunction

T = TypeVar("T")


class Unsupported(Exception):  # a limit of the prover, not an error of its user
    """The specification did something that the prover cannot follow: the theorem is unknown, not proved."""


class Infeasible(Exception):  # control flow
    """The present path contradicts an assumption."""


@dataclass(frozen=True, slots=True)
class Question:
    """A condition that a path branches on."""

    asked: z3.BoolRef
    """As it was put."""
    holds: z3.BoolRef
    """That it holds, simplified."""
    fails: z3.BoolRef
    """That it does not."""
    identity: int
    """The same for conditions that are the same when simplified."""
    known: bool | None
    """The answer, where it is the same on any path."""

    @classmethod
    def about(cls, asked: z3.BoolRef) -> Question:
        """Work out all that is needed of a condition whenever a path comes by."""
        holds = z3.simplify(asked)
        known = True if z3.is_true(holds) else (False if z3.is_false(holds) else None)
        return cls(asked, holds, z3.Not(holds), holds.get_id(), known)


@dataclass
class Execution:
    """One run of a function, along prescribed decisions and then along new ones."""

    solver: z3.Solver | None
    """What is known on this path; ``None`` when summing up."""
    prescribed: tuple[bool, ...] = ()
    results: list[Any] = field(default_factory=list)
    """Results of :meth:`once` up to the last prescribed decision, from the run that this one branches off."""
    decisions: list[bool] = field(default_factory=list)
    conditions: list[z3.BoolRef] = field(default_factory=list)
    """What was decided: the path is taken where all of these hold."""
    assumptions: list[z3.BoolRef] = field(default_factory=list)
    """What was assumed of symbols that were introduced on the way, each under the conditions up to there."""
    decided: dict[int, bool] = field(default_factory=dict)
    """Choices by the identity of the question; ``computed`` keeps the formulas alive, so no identity is used twice."""
    alternatives: list[tuple[tuple[bool, ...], list[Any]]] = field(default_factory=list)
    memory: dict[Any, Any] = field(default_factory=dict)
    """What the symbolic collection has found on this path."""
    counter: int = 0
    computed: list[Any] = field(default_factory=list)
    learned: int = 0
    """How many of the facts about defined symbols the solver has been told."""
    pointwise: bool = False
    """Whether an arbitrary HTLC is looked at, which stands for each of its kind."""

    def decide(self, asked: z3.BoolRef) -> bool:
        """Choose a truth value for a condition, and note the other one for a later run if it is possible too."""
        question = self.once(lambda: Question.about(asked))
        if not question.asked.eq(asked):
            raise Unsupported("a step does not do the same when it is run again: it depends on something hidden")
        if question.known is not None:
            return question.known
        # "a and b" hands on "a" itself where it fails, to be asked again: the answer must stay the same.
        if question.identity in self.decided:
            return self.decided[question.identity]
        taken = len(self.decisions)
        choice = self.prescribed[taken] if taken < len(self.prescribed) else self._choose(question)
        self.decisions.append(choice)
        self.decided[question.identity] = choice
        self.conditions.append(question.holds if choice else question.fails)
        if self.solver is not None:
            self.solver.add(self.conditions[-1])
        return choice

    def _choose(self, question: Question) -> bool:
        if self.solver is not None:
            can_hold, can_fail = self._possible(question.holds), self._possible(question.fails)
            if not can_hold and not can_fail:
                raise Infeasible
            if not (can_hold and can_fail):
                return can_hold
        self.alternatives.append(((*self.decisions, False), list(self.computed)))
        return True

    def learn(self) -> None:
        """Tell the solver the facts about symbols that have been defined since it was last told."""
        assert self.solver is not None
        if self.learned < len(DEFINED.facts):
            self.solver.add(DEFINED.known(self.learned))
            self.learned = len(DEFINED.facts)

    def _possible(self, formula: z3.BoolRef) -> bool:
        assert self.solver is not None
        self.learn()
        # "unknown" counts as possible: the path is then examined although it may not exist.
        return bool(self.solver.check(formula) != z3.unsat)

    def assume(self, fact: z3.BoolRef) -> None:
        """Add a fact that holds for symbols introduced on this path."""
        assert self.solver is not None
        self.assumptions.append(z3.Implies(conjunction(self.conditions), fact))
        self.solver.add(fact)

    def once(self, compute: Callable[[], T]) -> T:
        """Return what ``compute`` returns, or what it returned at this point of the run that this one repeats."""
        position = len(self.computed)
        repeats = position < len(self.results) and len(self.decisions) < len(self.prescribed)
        result: T = self.results[position] if repeats else compute()
        if len(self.computed) != position:
            raise Unsupported("a decision within something that is computed once would be left out when it is repeated")
        self.computed.append(result)
        return result

    def fresh(self, name: str) -> str:
        """Return a name that no other symbol of this path has."""
        self.counter += 1
        return f"{name}!{self.counter}"


@dataclass
class Defined:
    """Symbols that stand for something else (products, sums over groups): the facts that are known of them.

    ``facts`` hold of the real values whatever they are; ``exact`` says what the values are, for counterexamples.
    """

    facts: list[z3.BoolRef] = field(default_factory=list)
    exact: list[z3.BoolRef] = field(default_factory=list)
    products: dict[tuple[str, str], z3.ArithRef] = field(default_factory=dict)
    factors: dict[str, tuple[z3.ArithRef, z3.ArithRef]] = field(default_factory=dict)
    """What the products are made of, by the names of their symbols."""
    spans: dict[tuple[int, int], z3.BoolRef] = field(default_factory=dict)
    """Facts in a row as one formula each: facts are only ever added."""
    apart: bool = False
    """These are forgotten soon: nothing that is remembered longer may be made of them."""

    def known(self, start: int = 0) -> z3.BoolRef:
        """Return all facts from one on, as one formula."""
        span = start, len(self.facts)
        if span not in self.spans:
            self.spans[span] = conjunction(self.facts[start:])
        return self.spans[span]

    def product(self, left: z3.ArithRef, right: z3.ArithRef) -> z3.ArithRef:
        """Return the symbol for the product of two unknowns, of which only the sign is known.

        That keeps all obligations in linear arithmetic, where both solvers decide. It is sound, since what is known
        holds of the real product; and a counterexample is run on the plain interpreter, so an impossible product
        cannot refute anything.
        """
        key = (left.sexpr(), right.sexpr())
        if key not in self.products:
            symbol = self.products[key] = z3.Int(f"product!{len(self.products)}")
            self.facts.append(z3.Implies(z3.And(left >= 0, right >= 0), symbol >= 0))
            self.exact.append(symbol == left * right)
            self.factors[symbol.decl().name()] = (left, right)
        return self.products[key]

    def hides(self, term: z3.ExprRef, symbol: z3.ArithRef) -> bool:
        """Say whether the term contains a product which depends on the symbol."""
        if any(self.hides(child, symbol) for child in term.children()):
            return True
        return any(_mentions(factor, symbol) or self.hides(factor, symbol) for factor in self._factors(term))

    def _factors(self, term: z3.ExprRef) -> tuple[z3.ExprRef, ...]:
        return self.factors.get(term.decl().name(), ()) if z3.is_const(term) else ()


def _mentions(term: z3.ExprRef, symbol: z3.ArithRef) -> bool:
    return bool(term.eq(symbol)) or any(_mentions(child, symbol) for child in term.children())


DEFINED = Defined()


@contextmanager
def defined_apart() -> Iterator[None]:
    """Begin without any defined symbol; those of before come back, and those of the ``with`` block are forgotten.

    Every fact is told to every solver, so those that nothing here is about only cost time. Sums over groups
    of HTLCs are refused: they are remembered, and products in them would mean others here.
    """
    before = dict(vars(DEFINED))
    vars(DEFINED).update(vars(Defined(apart=True)))
    try:
        yield
    finally:
        vars(DEFINED).update(before)


_stack: list[Execution] = []


def running() -> Execution:
    """Return the execution in whose course we are."""
    if not _stack:
        raise Unsupported("a symbolic condition was branched on outside an execution")
    return _stack[-1]


def searching() -> Execution:
    """Return the innermost searching execution, which carries the path's facts."""
    for entry in reversed(_stack):
        if entry.solver is not None:
            return entry
    raise Unsupported("this needs a path, not a summary")


def looking_at_one() -> bool:
    """Say whether a function of an arbitrary HTLC is being evaluated."""
    return any(entry.pointwise for entry in _stack)


@contextmanager
def entered(run: Execution) -> Iterator[None]:
    """Make an execution the running one, to look at what it has made from within."""
    _stack.append(run)
    try:
        yield
    finally:
        _stack.pop()


def paths(function: Callable[[], T], solver: z3.Solver) -> Iterator[tuple[T, Execution]]:
    """Run a function along every path that is possible under what the solver knows.

    Yields the outcome with the solver holding the path's conditions until the next one is asked for.
    """
    pending: list[tuple[tuple[bool, ...], list[Any]]] = [((), [])]
    while pending:
        prescribed, results = pending.pop()
        solver.push()
        run = Execution(solver, prescribed, results)
        try:
            with entered(run):
                outcome = function()
            run.learn()
        except Infeasible:
            pass
        else:
            yield outcome, run
        finally:
            solver.pop()
        pending.extend(run.alternatives)


def summary(function: Callable[[], T], pointwise: bool = False) -> list[tuple[list[z3.BoolRef], T]]:
    """Return every branch of a function: the conditions under which it is taken, and the value.

    ``pointwise`` if it is a function of an arbitrary HTLC.
    """
    pending: list[tuple[tuple[bool, ...], list[Any]]] = [((), [])]
    branches = []
    while pending:
        prescribed, results = pending.pop()
        run = Execution(None, prescribed, results, pointwise=pointwise)
        with entered(run):
            value = function()
        branches.append((run.conditions, value))
        pending.extend(run.alternatives)
    return branches
