"""What is measured: projects of any size, each model with its manifest and a small dataset of its own."""

from __future__ import annotations

import json
from pathlib import Path

_MANIFEST = """\
apiVersion: tunectl/v1
kind: TunedModel
metadata:
  name: model-{number:05d}
  labels: {{team: bench}}
spec:
  displayName: model {number}
  description: counts one up from {number}
  baseModel: models/text-bison-001
  dataset: {{path: data/{number:05d}.jsonl}}
  hyperparameters: {{epochCount: 3, batchSize: 2, learningRate: 0.001}}
  temperature: 0.7
"""
_PROJECT = """\
apiVersion: tunectl/v1
kind: Project
metadata: {{name: bench}}
spec:
  provider: {{endpoint: "{endpoint}"}}
"""


def write_project(folder: Path, models: int, endpoint: str = "emulator") -> Path:
    """Write a project and return its folder."""
    data = folder / "manifests" / "data"
    data.mkdir(parents=True)
    (folder / "tunectl.yaml").write_text(_PROJECT.format(endpoint=endpoint))
    for number in range(models):
        (folder / "manifests" / f"{number:05d}.yaml").write_text(_MANIFEST.format(number=number))
        rows = (json.dumps({"text_input": str(number + i), "output": str(number + i + 1)}) for i in range(15))
        (data / f"{number:05d}.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def write_rows(path: Path, *, megabytes: int, row: int) -> int:
    """Write JSON Lines of about so many bytes a row, each different, and return the file's size in bytes."""
    block = max(1, row - 60)
    text = ("the quick brown fox jumps over the lazy dog. " * (block // 45 + 1))[:block]
    size, number = 0, 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        while size < megabytes * 1_000_000:
            size += file.write(f'{{"text_input": "question {number:09d} {text}", "output": "{number}"}}\n')
            number += 1
    return size
