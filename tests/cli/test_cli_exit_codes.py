"""The exit codes of the contract, each at least once, and the signals that really come from outside."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cli_kit import HYPERPARAMETERS, Workshop, call, clean_environment, python

from reconciler.emulator import Emulator, Server, serve

MORE = {"hyperparameters": {**HYPERPARAMETERS, "epochCount": 4}}


def test_0_done_and_nothing_to_do(workshop: Workshop) -> None:
    workshop.apply(expect=0)
    workshop.apply(expect=0)
    workshop.run("plan", "--detailed-exitcode", expect=0)
    workshop.run("drift", expect=0)


def test_1_an_error(workshop: Workshop) -> None:
    workshop.drop("numbers")
    workshop.fails(1, "plan")


def test_2_a_plan_that_would_do_something(workshop: Workshop) -> None:
    workshop.run("plan", expect=0)
    workshop.run("plan", "--detailed-exitcode", expect=2)


def test_2_a_plan_that_would_only_wait(workshop: Workshop) -> None:
    workshop.apply("--no-wait")
    workshop.run("plan", "--detailed-exitcode", expect=2)


def test_2_a_plan_that_is_blocked(workshop: Workshop) -> None:
    workshop.fault("fail")
    workshop.apply(expect=4)
    assert workshop.kinds() == [("numbers", "blocked")]
    workshop.run("plan", "--detailed-exitcode", expect=2)


def test_2_drift(workshop: Workshop) -> None:
    workshop.apply()
    workshop.emulator.remove(workshop.serving("numbers").removeprefix("tunedModels/"))
    workshop.run("drift", expect=2)


@pytest.mark.parametrize("code", [401, 403])
def test_3_who_may_not(workshop: Workshop, code: int) -> None:
    workshop.fault(f"status,code={code}")
    workshop.fails(3, "plan")


def test_4_some_models_failed(workshop: Workshop) -> None:
    workshop.want("other", **MORE)
    workshop.fault("fail,model=other")
    ended = workshop.apply(expect=4)
    assert "1 created, 0 updated, 0 replaced, 0 deleted, 1 failed" in ended.out
    assert "1 model failed: other; everything else is applied and recorded" in ended.err


def test_5_refused_before_anything_is_done(workshop: Workshop) -> None:
    workshop.project(limits={"maxSteps": 22})
    assert "limits.maxSteps = 22; --allow-steps 23" in workshop.run("plan", expect=5).out
    workshop.run("plan", "--detailed-exitcode", expect=5)
    workshop.apply(expect=5)
    assert workshop.bought() == 0
    assert not (workshop.root / "tunectl.lock").exists()


def test_6_stale(workshop: Workshop) -> None:
    workshop.apply("--expect-digest", "sha256:" + "0" * 64, expect=6)
    assert workshop.bought() == 0


def rejected(workshop: Workshop) -> None:
    """Let a replacement be trained that its gate refuses; the old model serves on."""
    workshop.apply()
    workshop.want("numbers", **MORE, gate={"prompts": [{"input": "4", "equals": "no"}]})
    workshop.apply(expect=7)


def test_7_a_gate_was_not_met(workshop: Workshop) -> None:
    rejected(workshop)
    old = workshop.serving("numbers")
    workshop.run("plan", "--detailed-exitcode", expect=2)
    ended = workshop.apply(expect=7)
    assert "nothing that serves was replaced" in ended.err
    assert workshop.serving("numbers") == old
    assert workshop.bought() == 2


def test_9_the_wait_is_over_before_the_training(workshop: Workshop) -> None:
    workshop.apply("--timeout", "1s", expect=9)
    workshop.run("wait", "--timeout", "1s", expect=9)


def test_64_nobody_can_be_asked(workshop: Workshop) -> None:
    for command in ("apply", "destroy"):
        assert "-y" in workshop.fails(64, command)
    assert workshop.requests() == []


# Consent.


@pytest.mark.parametrize(("answer", "bought"), [("yes", 1), ("no", 0), ("y", 0), ("Yes", 0), ("", 0)])
def test_only_yes_is_consent(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, answer: str, bought: int) -> None:
    monkeypatch.setattr("reconciler.cli.consent.interactive", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer)
    ended = workshop.run("apply")
    assert "It buys 23 tuning steps." in ended.err
    assert workshop.bought() == bought
    assert ("Nothing was applied." in ended.err) is not bool(bought)


def test_a_refusal_needs_no_consent(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.cli.consent.interactive", lambda: True)
    workshop.project(limits={"maxSteps": 1})
    workshop.run("apply", expect=5)


def _heeding_signals():
    """Take Ctrl-C as anybody does; a shell that runs tests in the background has them ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _on_a_terminal():
    """Have the terminal as one's own, so that Ctrl-C is a signal as on any terminal."""
    _heeding_signals()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A process with a terminal: what it shows is read, what is typed goes in."""

    def __init__(self, workshop: Workshop, *arguments: str) -> None:
        self._leader, follower = pty.openpty()
        self.shown = ""
        environ = clean_environment(**workshop.environ, TUNECTL_EMULATOR_TRAIN_SECONDS="0.3", TERM="xterm")
        self.process = subprocess.Popen(
            python(*arguments),
            cwd=workshop.root,
            env=environ,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=_on_a_terminal,  # noqa: PLW1509  # no thread runs beside it
        )
        os.close(follower)

    def until(self, text: str | None) -> None:
        """Read until a text was shown, or until the end."""
        end = time.monotonic() + 20
        with suppress(OSError):  # EIO is how a terminal says that its last process is gone
            while text is None or text not in self.shown:
                left = end - time.monotonic()
                assert left > 0, f"it does not end: {self.shown!r}"
                assert select.select([self._leader], [], [], left)[0], f"nothing more than {self.shown!r}"
                found = os.read(self._leader, 65536)
                assert found or text is None, self.shown
                self.shown += found.decode("utf-8", "replace")

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def end(self) -> int:
        self.until(None)
        code = self.process.wait(timeout=20)
        os.close(self._leader)
        return code


@pytest.mark.parametrize(("typed", "code", "ready"), [("yes\r", 0, True), ("y\r", 0, False), ("\x03", 130, False)])
def test_a_terminal_is_asked_and_answers(workshop: Workshop, typed: str, code: int, ready: bool) -> None:
    terminal = Terminal(workshop, "apply")
    try:
        terminal.until("Answer: ")
        assert "\x1b[?25l" not in terminal.shown, "whoever types wants to see the cursor"
        time.sleep(0.3)  # a person's: a signal in the moment between the prompt and the reading would go unseen
        terminal.type(typed)
        assert terminal.end() == code
    finally:
        terminal.process.kill()
        terminal.process.wait()
    assert "Traceback" not in terminal.shown
    assert "\x1b[" in terminal.shown, "a terminal gets colours"
    assert (workshop.root / "tunectl.lock").exists() is ready
    if ready:
        assert workshop.entry("numbers")["state"] == "ready"
        assert "Applied: 1 created" in terminal.shown


# Processes of their own.


@pytest.fixture
def server(workshop: Workshop, emulator: Emulator) -> Iterator[Server]:
    """The workshop's service on a port, with real time and trainings that take for ever until told otherwise."""
    with serve(emulator) as server:
        workshop.environ["TUNECTL_ENDPOINT"] = server.url
        yield server


@contextmanager
def started(workshop: Workshop, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        python(*arguments),
        cwd=workshop.root,
        env=clean_environment(**workshop.environ, TUNECTL_POLL_INTERVAL="0.05"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heeding_signals,  # noqa: PLW1509  # no thread runs beside it
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(what: object, *, seconds: float = 20.0) -> None:
    """Wait until something holds that another process brings about."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def polled(workshop: Workshop) -> bool:
    return sum("operations" in path for _, path in workshop.requests()) >= 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_and_not_the_training(
    workshop: Workshop, server: Server, number: signal.Signals, code: int
) -> None:
    with started(workshop, "apply", "-y") as process:
        until(lambda: polled(workshop))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "Stopping: what is known is saved, training goes on. Once more to exit at once." in err
    assert "stopped and saved; 1 tuning still running" in err
    assert "`tunectl apply` goes on from here" in err
    assert "1 still tuning" in out
    assert workshop.entry("numbers")["state"] == "tuning"
    assert workshop.entry("numbers")["operation"]
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_signal_stops_a_wait_too(workshop: Workshop, server: Server) -> None:
    workshop.apply("--no-wait")
    with started(workshop, "wait") as process:
        until(lambda: polled(workshop))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 143
    workshop.run("wait")


def test_a_signal_before_everything_is_begun_leaves_the_rest_for_later(workshop: Workshop, server: Server) -> None:
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    with started(workshop, "apply", "-y") as process:
        until(lambda: polled(workshop))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "child: create not begun: the run was stopped" in err
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (2, [])


def test_a_second_signal_exits_at_once(workshop: Workshop, server: Server) -> None:
    """The service holds its answer back, so that the first signal finds the run in the middle of a request."""
    workshop.emulator.settings.train_seconds = 1000.0
    with started(workshop, "apply", "-y") as process:
        until(lambda: polled(workshop))
        workshop.emulator.app._sleep = lambda _: time.sleep(1.5)
        workshop.fault("delay,path=operations,count=1")
        until(lambda: not workshop.emulator.faults.waiting())
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        process.communicate(timeout=20)
        assert time.monotonic() - began < 1.0
    assert process.returncode == 143
    workshop.clock.advance(1000)
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_kill_between_request_and_answer_costs_nothing(workshop: Workshop, server: Server) -> None:
    workshop.emulator.app._sleep = lambda _: time.sleep(1)
    workshop.fault("delay,method=POST")
    with started(workshop, "apply", "-y") as process:
        until(lambda: not workshop.emulator.faults.waiting())
        process.kill()
        process.communicate(timeout=20)
    assert workshop.entry("numbers")["state"] == "pending"
    until(lambda: workshop.bought() == 1)
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_8_the_lock_is_held_by_another_process(workshop: Workshop, server: Server) -> None:
    with started(workshop, "apply", "-y") as process:
        until(lambda: polled(workshop))
        for command in ("apply -y", "destroy -y", "wait"):
            error = workshop.run(*command.split(), expect=8).err
            assert "locked by tunectl apply of " in error
            assert f"process {process.pid}" in error
            assert "--lock-timeout" in error
        workshop.run("plan", expect=0)
        workshop.run("status", expect=0)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_lock_that_becomes_free_in_time_is_waited_for(workshop: Workshop, server: Server) -> None:
    with started(workshop, "apply", "-y") as process:
        until(lambda: polled(workshop))
        with started(workshop, "wait", "--lock-timeout", "20s") as waiting:
            workshop.clock.advance(60)
            out, _ = process.communicate(timeout=20)
            assert (process.returncode, "1 created" in out) == (0, True)
            out, _ = waiting.communicate(timeout=20)
    assert (waiting.returncode, out) == (0, "Nothing is tuning.\n")


def test_a_lock_dies_with_its_holder(workshop: Workshop, server: Server) -> None:
    with started(workshop, "apply", "-y") as process:
        until(lambda: polled(workshop))
        process.kill()
        process.communicate(timeout=20)
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


@pytest.mark.parametrize("command", [("plan",), ("apply", "-y")])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_planning_unwinds_without_a_traceback(
    workshop: Workshop, server: Server, number: signal.Signals, code: int, command: tuple[str, ...]
) -> None:
    """What was taken is given back: the note of the lock's holder is gone, as a lease in a bucket would be ended."""
    workshop.emulator.app._sleep = lambda _: time.sleep(1)
    workshop.fault("delay,method=GET")
    with started(workshop, *command) as process:
        until(lambda: not workshop.emulator.faults.waiting())
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, "")
    assert err.strip() == "stopped"
    assert not list(workshop.root.rglob("*.holder"))


def test_a_whole_life_as_processes_on_the_embedded_emulator(workshop: Workshop) -> None:
    quick = {"TUNECTL_EMULATOR_TRAIN_SECONDS": "0", "TUNECTL_POLL_INTERVAL": "0.05"}
    expected = [
        (["plan", "--detailed-exitcode"], 2),
        (["apply", "-y"], 0),
        (["plan", "--detailed-exitcode"], 0),
        (["generate", "numbers", "2"], 0),
        (["apply"], 64),
        (["nonsense"], 64),
    ]
    ended = [(arguments, call(arguments, cwd=workshop.root, **quick)) for arguments, _ in expected]
    assert [(arguments, end.code) for arguments, end in ended] == expected
    assert ended[3][1].out == "3\n"
    assert (Path(workshop.root) / ".tunectl" / "emulator.db").exists()


def test_what_a_child_process_sees_is_what_the_environment_says(workshop: Workshop, server: Server) -> None:
    ended = call(["plan", "--format", "json"], cwd=workshop.root, **workshop.environ, TUNECTL_PROJECT="payer")
    remote = ended.json()["remote"]
    assert (remote["endpoint"], remote["project"]) == (server.url, "payer")
