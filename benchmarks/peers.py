"""Tools of the same kind, as far as they can be had: octoDNS in an environment of its own, terraform if installed.

Neither speaks to a network here: octoDNS compares two folders of YAML, terraform its state with ``terraform_data``.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from measure import Figure, measure

OCTODNS = Path(__file__).resolve().parent.parent / ".venvs" / "octodns" / "bin" / "octodns-sync"
_ZONES = """\
providers:
  wanted: {class: octodns.provider.yaml.YamlProvider, directory: ./wanted, default_ttl: 300}
  there: {class: octodns.provider.yaml.YamlProvider, directory: ./there, default_ttl: 300}
zones:
  example.com.: {sources: [wanted], targets: [there]}
"""


def octodns_plan(folder: Path, records: int, runs: int) -> Figure | None:
    """Measure octodns-sync without ``--doit`` on a zone that is in step; None if it is not there."""
    if not OCTODNS.exists():
        return None
    folder.mkdir()
    (folder / "config.yaml").write_text(_ZONES)
    rows = "".join(
        f"r{number:05d}:\n  type: A\n  value: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}\n"
        for number in range(records)
    )
    for side in ("wanted", "there"):
        (folder / side).mkdir()
        (folder / side / "example.com.yaml").write_text(f"---\n{rows}")
    return measure([str(OCTODNS), "--config-file", "config.yaml"], cwd=folder, runs=runs)


@dataclass(frozen=True)
class Terraform:
    """What terraform took: a plan with nothing to do and, if that was asked for, an apply that creates everything."""

    planned: Figure
    applied: Figure | None


def terraform(folder: Path, resources: int, runs: int, *, apply: bool, shape: str = "count") -> Terraform | None:
    """Measure terraform; None if it is not installed.

    ``shape`` is how the resources are written: ``count``, one block that stands for all of them, or ``blocks``, one
    for each. Without ``apply``, which takes minutes for thousands of resources, the state is written as one that an
    apply of one resource has left, many times over.
    """
    program = shutil.which("terraform")
    if program is None:
        return None
    folder.mkdir()
    environ = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}

    def run(*arguments: str, runs: int = 1) -> Figure:
        return measure([program, *arguments, "-input=false"], cwd=folder, runs=runs, environ=environ)

    _write_resources(folder, resources if apply else 1, shape)
    run("init")
    applied = run("apply", "-auto-approve")
    if not apply:
        _write_resources(folder, resources, shape)
        _multiply_state(folder / "terraform.tfstate", resources, shape)
    return Terraform(run("plan", "-detailed-exitcode", runs=runs), applied if apply else None)


def _write_resources(folder: Path, count: int, shape: str) -> None:
    model = {"input": {"name": "model", "epochs": 3}}
    blocks = {f"m{number}": model for number in range(count)}
    made = {"m": {"count": count, **model}} if shape == "count" else blocks
    (folder / "main.tf.json").write_text(json.dumps({"resource": {"terraform_data": made}}))


def _multiply_state(path: Path, count: int, shape: str) -> None:
    state = json.loads(path.read_text())
    (one,) = state["resources"]
    if shape == "count":
        (instance,) = one["instances"]
        one["instances"] = [{**instance, "index_key": number} for number in range(count)]
    else:
        state["resources"] = [{**one, "name": f"m{number}"} for number in range(count)]
    path.write_text(json.dumps(state))
