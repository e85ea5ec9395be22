"""Evaluates gates: asks models, reads loss curves, runs the program, keeps what was said. What follows is for others.

An evaluation that cannot be done is no verdict: the model stays what it is, and the next run judges it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from reconciler.core.canonical import Json
from reconciler.core.scorers import Scorer, score
from reconciler.core.verdict import (
    Check,
    Verdict,
    check_command,
    check_losses,
    check_prompts,
    check_scores,
)
from reconciler.engine.applying import carry
from reconciler.engine.judgement import Judgement, Subject
from reconciler.engine.world import World
from reconciler.errors import Interrupted, RemoteError, TunectlError
from reconciler.ports.evidence import Folder

ANSWERS = "answers.jsonl"
CURRENT = "current.jsonl"

T = TypeVar("T")


@dataclass(slots=True)
class _Asked:
    """The answers of one evaluation, as rows of a file."""

    rows: list[Mapping[str, Json]] = field(default_factory=list)

    def note(self, question: _Question, answer: str, points: float | None) -> None:
        text: dict[str, Json] = {"input": question.input, "expected": question.expected, "answer": answer}
        self.rows.append({"check": question.check, **text, "score": points})


@dataclass(frozen=True, slots=True)
class _Question:
    """What a model is asked and how its answer is compared; ``check`` is the address that messages give."""

    check: str
    input: str
    scorer: Scorer
    expected: str
    tolerance: float


class Examiner:
    """Judges models. A context manager; safe to use from several threads, at most ``parallelism`` questions at a time.

    What a model answered once it is not asked again while this lasts.
    """

    def __init__(self, world: World, *, parallelism: int) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(parallelism, thread_name_prefix="gate")  # starts no thread before a question
        self._known: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def judge(self, subject: Subject) -> Judgement:
        """Evaluate a gate; whatever keeps us from a verdict is returned, never raised."""
        folder = self._world.evidence.folder(subject.name, subject.label)
        answers = folder.address if subject.gate.leaves_evidence else None
        try:
            verdict = Verdict.of(subject.gate, self._checks(subject, folder))
        except TunectlError as error:
            return Judgement(subject, error=error, answers=answers)
        return Judgement(subject, verdict, answers=answers)

    def _checks(self, subject: Subject, folder: Folder) -> list[Check]:
        gate = subject.gate
        checks = self._losses(subject) if gate.needs_loss else []
        asked, current = _Asked(), _Asked()
        try:
            if gate.prompts:
                checks.append(self._prompts(subject, asked))
            if gate.dataset is not None:
                checks += self._dataset(subject, asked, current)
        finally:  # what was answered can be read, whatever came in between
            if asked.rows:
                folder.keep(ANSWERS, asked.rows)
            if current.rows:
                folder.keep(CURRENT, current.rows)
        if gate.command:
            checks.append(self._command(subject, folder))
        return checks

    def _losses(self, subject: Subject) -> list[Check]:
        current = None
        if subject.gate.max_loss_increase is not None and subject.current is not None:
            current = self._loss(subject.current)
        return check_losses(subject.gate, self._loss(subject.resource), current)

    def _loss(self, resource: str) -> float:
        """Return the mean loss at the last step."""
        snapshots = self._may(partial(self._world.provider.get, resource, snapshots=True)).snapshots
        losses = [point.mean_loss for point in snapshots if point.mean_loss is not None]
        if not losses:
            raise RemoteError(
                f"{resource}: the loss of its tuning is not known",
                hint="apply again judges it, training nothing; or leave the loss out of the gate",
            )
        return losses[-1]

    def _prompts(self, subject: Subject, asked: _Asked) -> Check:
        questions = [
            _Question(f"prompts[{index}]", prompt.input, prompt.scorer, prompt.expected, prompt.tolerance)
            for index, prompt in enumerate(subject.gate.prompts)
        ]
        return check_prompts(self._scores(subject.resource, questions, asked))

    def _dataset(self, subject: Subject, asked: _Asked, current: _Asked) -> list[Check]:
        dataset = subject.gate.dataset
        assert dataset is not None  # noqa: S101  the caller looked
        questions = [
            _Question(f"dataset[{number}]", example.input, dataset.scorer, example.output, dataset.tolerance)
            for number, example in enumerate(self._world.datasets.evaluation(subject.name), 1)
        ]
        rival = None if dataset.no_worse_than_current is None else subject.current
        mine = self._scores(subject.resource, questions, asked)
        return check_scores(dataset, mine, None if rival is None else self._scores(rival, questions, current))

    def _scores(self, resource: str, questions: Sequence[_Question], notes: _Asked) -> list[float]:
        """Return how right a model answers, and note every answer.

        Raises:
            TunectlError: it cannot be asked, or an expression cannot be searched for in bounded time.
        """
        answers = self._ask(resource, [question.input for question in questions])
        pairs = list(zip(questions, answers, strict=True))
        found = iter(self._search([(q.expected, answer) for q, answer in pairs if q.scorer is Scorer.REGEX]))
        scores, unclear = [], None
        for question, answer in pairs:
            points = next(found, None) if question.scorer is Scorer.REGEX else _score(question, answer)
            notes.note(question, answer, points)
            if points is None:
                unclear = unclear or question
            else:
                scores.append(points)
        if unclear is not None:
            raise TunectlError(
                f"{unclear.check}: the search for its regular expression in the answer took too long and was given up",
                hint="write it without repetitions of repetitions, such as (a+)+; apply judges again, training nothing",
            )
        return scores

    def _search(self, searches: Sequence[tuple[str, str]]) -> list[float]:
        """Return 1 or 0 for each expression and text, or for as many of them as there was time for."""
        if not searches:
            return []
        found = self._world.evidence.search(searches, stopped=self._world.stop.requested)
        if found is None:
            raise self._stopped()
        return [float(one) for one in found]

    def _ask(self, resource: str, inputs: Sequence[str]) -> list[str]:
        """Return the answers to the inputs, in order; the first error ends the questions.

        Raises:
            TunectlError: as the service says, still after the retries; or the run is to stop, or the lock was lost.
        """
        new = dict.fromkeys(text for text in inputs if (resource, text) not in self._known)
        flying: dict[str, Future[Sequence[str]]] = {
            text: self._pool.submit(self._may, partial(self._world.provider.generate, resource, text)) for text in new
        }
        try:
            for text, future in flying.items():
                # An answer that the service withholds is none, and none is as wrong as any other.
                self._known[resource, text] = next(iter(future.result()), "")
        finally:
            for future in flying.values():
                future.cancel()
        return [self._known[resource, text] for text in inputs]

    def _command(self, subject: Subject, folder: Folder) -> Check:
        environ = {"TUNECTL_NAME": subject.name, "TUNECTL_MODEL": subject.resource}
        if subject.current is not None:
            environ["TUNECTL_CURRENT_MODEL"] = subject.current
        status = self._may(
            partial(
                folder.run,
                subject.gate.command,
                environ,
                timeout=subject.gate.command_timeout,
                stopped=self._world.stop.requested,
            )
        )
        if status is None:
            raise self._stopped()
        return check_command(status)

    def _stopped(self) -> Interrupted:
        return Interrupted("the run was stopped", signal_number=self._world.stop.signal_number or 0)

    def _may(self, request: Callable[[], T]) -> T:
        """Send a request while the run goes on and the lock, if one is needed, is ours."""
        return carry.while_we_may(self._world, request)


def _score(question: _Question, answer: str) -> float:
    return score(question.scorer, question.expected, answer, tolerance=question.tolerance)
