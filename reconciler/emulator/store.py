"""The world's memory: one SQLite database, in a file or in memory.

Write-ahead logging lets several processes share a file; a killed process leaves nothing broken behind. Commits are not
flushed to the disk one by one: after a power cut the last of them may be missing, which a test double can bear.
No rule of the API lives here.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reconciler.emulator.records import Model, Pairs, Permission
from reconciler.emulator.tables import TABLES
from reconciler.emulator.training import Training
from reconciler.errors import StoreError

_FORMAT = 1
_BUSY_SECONDS = 30.0
_TURNED = "turned"
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE models (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  created INTEGER NOT NULL,
  ends INTEGER,
  patched INTEGER,
  version TEXT NOT NULL,
  operation TEXT,
  refusal INTEGER NOT NULL DEFAULT 403,
  fields TEXT NOT NULL,
  training TEXT,
  frozen TEXT
);
CREATE TABLE examples (
  seq INTEGER PRIMARY KEY REFERENCES models (seq) ON DELETE CASCADE,
  pairs TEXT NOT NULL
);
CREATE TABLE permissions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  seq INTEGER NOT NULL REFERENCES models (seq) ON DELETE CASCADE,
  type TEXT NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  UNIQUE (seq, type, email)
);
"""
_COLUMNS = (
    "m.seq, m.id, m.owner, m.created, m.patched, m.version, m.operation, m.refusal, m.fields, m.training, m.frozen"
)


class Store:
    """The database. One connection, one lock: requests are short, and SQLite writes one at a time anyway."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else str(path),
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from error
        except StoreError:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the connection for reads that belong together."""
        with self._lock:
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Run a transaction: all of it is kept, or, if an exception leaves the block, nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add(self, model: Model, pairs: Pairs = ()) -> Model:
        """Keep a new model, and return it with its number; the id must be free."""
        cursor = self._db.execute(
            "INSERT INTO models"
            " (id, owner, created, ends, patched, version, operation, refusal, fields, training, frozen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                model.id,
                model.owner,
                model.created,
                _ends(model),
                model.patched,
                model.version,
                model.operation,
                model.refusal,
                _dump(model.fields),
                None if model.training is None else _dump(asdict(model.training)),
                None if model.frozen is None else _dump(model.frozen),
            ),
        )
        if pairs:
            self._db.execute("INSERT INTO examples VALUES (?, ?)", (cursor.lastrowid, _dump(pairs)))
        found = self.find(model.id)
        assert found is not None  # noqa: S101 - inserted two lines above, in the same transaction
        return found

    def put(self, model: Model) -> None:
        """Keep a model's changed owner, patch time, fields and training."""
        self._db.execute(
            "UPDATE models SET owner = ?, ends = ?, patched = ?, fields = ?, training = ? WHERE seq = ?",
            (
                model.owner,
                _ends(model),
                model.patched,
                _dump(model.fields),
                None if model.training is None else _dump(asdict(model.training)),
                model.seq,
            ),
        )

    def remove(self, seq: int) -> None:
        """Forget a model with its examples and permissions."""
        self._db.execute("DELETE FROM models WHERE seq = ?", (seq,))

    def find(self, model_id: str) -> Model | None:
        """Return the model of an id."""
        rows = self.rows(f"SELECT {_COLUMNS} FROM models m WHERE m.id = ?", model_id)  # noqa: S608 - _COLUMNS is a constant
        return _model(rows[0]) if rows else None

    def models(self, *, after: int, account: str) -> Iterator[tuple[Model, str | None, bool]]:
        """Yield models in the order they were made, each with the account's role and whether everyone has one."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS},"  # noqa: S608 - _COLUMNS is a constant
            " (SELECT p.role FROM permissions p WHERE p.seq = m.seq AND p.email = ?),"
            " EXISTS (SELECT 1 FROM permissions p WHERE p.seq = m.seq AND p.type = 'EVERYONE')"
            " FROM models m WHERE m.seq > ? ORDER BY m.seq",
            (account, after),
        )
        try:
            for row in rows:
                yield _model(row[:-2]), "OWNER" if row[2] == account else row[-2], bool(row[-1])
        finally:
            rows.close()

    def pairs(self, seq: int) -> list[tuple[str, str]]:
        """Return the training examples of a model."""
        rows = self.rows("SELECT pairs FROM examples WHERE seq = ?", seq)
        return [(text, output) for text, output in json.loads(rows[0][0])] if rows else []

    def running(self, now: int) -> int:
        """Count the trainings that are not over."""
        return int(self.rows("SELECT COUNT(*) FROM models WHERE ends IS NULL OR ends > ?", now)[0][0])

    def count(self) -> int:
        """Count the models."""
        return int(self.rows("SELECT COUNT(*) FROM models")[0][0])

    def last_number(self) -> int:
        """Return the number of the newest model there ever was."""
        rows = self.rows("SELECT seq FROM sqlite_sequence WHERE name = 'models'")
        return int(rows[0][0]) if rows else 0

    def permissions(self, seq: int, *, after: int = 0) -> list[Permission]:
        """Return the permissions of a model in the order they were made."""
        found = self.rows(
            "SELECT id, type, email, role FROM permissions WHERE seq = ? AND id > ? ORDER BY id", seq, after
        )
        return [Permission(*row) for row in found]

    def grant(self, seq: int, *, type: str, email: str, role: str) -> Permission:  # noqa: A002 - the API's word
        """Add a permission, or change the role of the one that is there."""
        self._db.execute(
            "INSERT INTO permissions (seq, type, email, role) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (seq, type, email) DO UPDATE SET role = excluded.role",
            (seq, type, email, role),
        )
        row = self._db.execute(
            "SELECT id, type, email, role FROM permissions WHERE seq = ? AND type = ? AND email = ?", (seq, type, email)
        ).fetchone()
        return Permission(*row)

    def revoke(self, permission_id: int) -> None:
        """Remove a permission."""
        self._db.execute("DELETE FROM permissions WHERE id = ?", (permission_id,))

    def note(self, key: str, value: str) -> bool:
        """Keep a fact about the world; False if it was known already."""
        cursor = self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, value))
        return cursor.rowcount == 1

    def turned(self) -> float:
        """Return the seconds by which the clock was turned forward, by whichever process."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", _TURNED)
        return float(rows[0][0]) if rows else 0.0

    def turn(self, seconds: float) -> None:
        """Keep the seconds by which the clock is turned forward from now on."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_TURNED, repr(seconds)))

    def clear(self) -> None:
        """Forget every model and what was noted; the clock stays turned."""
        self._db.execute("DELETE FROM models")
        self._db.execute("DELETE FROM meta WHERE key != ?", (_TURNED,))

    def rows(self, query: str, *values: object) -> list[Any]:
        """Read when no other thread is in the middle of a transaction, which this connection would show half done."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Write within a transaction; return the number of the row that was added, if one was."""
        return int(self._db.execute(statement, values).lastrowid or 0)

    def _prepare(self, path: Path | None) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        if path is not None:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        with self.writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_FORMAT}")
            elif version != _FORMAT:
                raise StoreError(
                    f"{path}: written by another version of the emulator (format {version}, this one has {_FORMAT})",
                    hint="use another --data file",
                )
            for statement in TABLES:
                self._db.execute(statement)


def _model(row: Sequence[Any]) -> Model:
    seq, model_id, owner, created, patched, version, operation, refusal, fields, training, frozen = row
    return Model(
        id=model_id,
        owner=owner,
        created=created,
        version=version,
        fields=json.loads(fields),
        operation=operation,
        patched=patched,
        refusal=refusal,
        training=None if training is None else Training(**json.loads(training)),
        frozen=None if frozen is None else json.loads(frozen),
        seq=seq,
    )


def _ends(model: Model) -> int | None:
    """When the model's training is over; 0 for one that was not trained here."""
    return 0 if model.training is None else model.training.ends


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _unusable(path: Path | None, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: the emulator cannot keep its models there: {error}",
        hint="give --data another file, or remove it: it holds simulated models only",
    )
