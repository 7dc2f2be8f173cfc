"""`python -m orchestration.dbt_process PARENT PARSED …`: dbt on a parsed project, in a process that ends with its run.

A killed run leaves the writer's lock to the next one at once. If its dbt went on, the next run would find the build
file held by a process that nobody knows; so dbt ends with its parent. A process that is killed cannot tell its
children, hence the child looks: a child whose parent is gone gets another one.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

# The setting that tells dbt where the agreed tables of a run lie.
SEED_PATH = "CONCORD_SEED_PATH"
_LOOK_SECONDS = 0.1


def main(arguments: Sequence[str]) -> int:
    """Run dbt with all arguments but the first two: the process id of the run, and the folder of the parsed project."""
    parent, parsed, *arguments_of_dbt = arguments
    if arguments_of_dbt == ["--version"]:
        # Dagster asks before every build. dbt's own answer imports all of dbt and asks a package index for news.
        sys.stdout.write(f"dbt-core {version('dbt-core')}\n")
        return 0
    end_with(int(parent))
    import dbt.task.runnable
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest
    from dbt.node_types import NodeType
    from dbt.parser.manifest import extended_mashumuro_decoder

    from orchestration.lean_dbt import make_lean

    make_lean()
    packed = (Path(parsed) / "partial_parse.msgpack").read_bytes()
    # dbt itself would take what was parsed for another warehouse's and parse all of it again.
    manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    # It was parsed with whatever rows the agreed tables had then; only their files are of this run.
    for node in manifest.nodes.values():
        if node.resource_type == NodeType.Seed:
            node.original_file_path = (Path(os.environ[SEED_PATH]) / node.path).as_posix()
    manifest.build_flat_graph()
    # Seconds, for a copy of the manifest that lies in the folder of the parsed project already.
    dbt.task.runnable.write_manifest = lambda *_: None
    done = dbtRunner(manifest).invoke(arguments_of_dbt)
    if done.exception is not None:
        sys.stdout.write(f"{done.exception}\n")
    return 0 if done.success else 1


def end_with(parent: int) -> None:
    """Kill this process as soon as another process than this one is its parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        # Not an orderly exit: threads that wait for the database would hold it up. What was not committed is not there.
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="watch over the parent", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
