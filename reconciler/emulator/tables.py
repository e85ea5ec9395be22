"""The tables that Vertex AI's and Cloud Storage's sides of the store keep, beside those of tunedModels.

Each is added to a file that lacks it, so that one of before keeps its models.
"""

from __future__ import annotations

TABLES = (
    """CREATE TABLE IF NOT EXISTS vertex_records (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  project TEXT NOT NULL,
  location TEXT NOT NULL,
  id TEXT NOT NULL,
  created INTEGER NOT NULL,
  due INTEGER,
  waits INTEGER NOT NULL DEFAULT 0,
  value TEXT NOT NULL,
  UNIQUE (kind, project, location, id)
)""",
    "CREATE INDEX IF NOT EXISTS vertex_due ON vertex_records (due) WHERE due IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS vertex_waits ON vertex_records (waits, project) WHERE waits > 0",
    "CREATE TABLE IF NOT EXISTS vertex_examples (job TEXT PRIMARY KEY, pairs TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS gcs_buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL, location TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS gcs_objects (
  bucket TEXT NOT NULL,
  name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  created INTEGER NOT NULL,
  size INTEGER NOT NULL,
  md5 TEXT NOT NULL,
  crc32c TEXT NOT NULL,
  fields TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (bucket, name)
)""",
    """CREATE TABLE IF NOT EXISTS gcs_uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, request TEXT NOT NULL, data BLOB NOT NULL, done TEXT
)""",
)
