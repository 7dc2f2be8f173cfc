"""The SQL of models as dbt compiles it, for tests that run models on rows of their own.

dbt is started once for the models of all these tests; what it compiled lies in a file for the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.dbt_on import TestBuild

#: Where the models under test are named: each of these has an UNDER_TEST.
BUILDS = (
    "tests.alignment.alignment_build",
    "tests.alignment.test_contract_scorecard",
    "tests.funnel.funnel_build",
    "tests.handoff.handoff_build",
    "tests.handoff.test_queue_choices",
    "tests.revenue.revenue_build",
)


@dataclass(frozen=True)
class CompiledModel:
    """One model: its name, the relation that it builds, the models and seeds it reads, and its SQL."""

    name: str
    relation: str
    reads: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class CompiledFunnel:
    """Compiled models in an order in which they can be built, and the relations of all they read."""

    models: tuple[CompiledModel, ...]
    relations: Mapping[str, str]


@dataclass(frozen=True)
class CompiledModels:
    """All that was compiled, and the relation of every model and seed, by name."""

    models: Mapping[str, CompiledModel]
    relations: Mapping[str, str]

    def these(self, under_test: Sequence[str]) -> CompiledFunnel:
        """Some of them, in an order in which they can be built: that of `under_test`, where it is one."""
        if missing := [name for name in under_test if name not in self.models]:
            raise KeyError(f"{missing} were not compiled: the module that names them belongs into BUILDS")
        waiting = {name: set(self.models[name].reads) for name in under_test}
        ordered: list[CompiledModel] = []
        while waiting:
            name = next(n for n in under_test if n in waiting and not waiting[n] & waiting.keys())
            del waiting[name]
            ordered.append(self.models[name])
        # What only the hooks of incremental models read is of no use here, where every table is made anew.
        read = {parent for model in ordered for parent in model.reads if self.relations[parent] in model.sql}
        return CompiledFunnel(tuple(ordered), {name: self.relations[name] for name in sorted(read)})


def compile_models(folder: Path) -> CompiledModels:
    """Compile the models that any test runs by itself into a folder; what is there already is taken as it is."""
    file = folder / "compiled.json"
    if not file.exists():
        file.write_text(json.dumps(_compile(folder)))
    content = json.loads(file.read_bytes())
    return CompiledModels(
        {
            name: CompiledModel(name, content["relations"][name], tuple(model["reads"]), model["sql"])
            for name, model in content["models"].items()
        },
        content["relations"],
    )


def _compile(folder: Path) -> dict[str, Any]:
    under_test = sorted({name for module in BUILDS for name in import_module(module).UNDER_TEST})
    build = TestBuild(folder)
    results = build.dbt("--quiet", "compile", "--select", *under_test)
    compiled = {result["unique_id"]: result["compiled_code"] for result in results}
    manifest = build.manifest()
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    return {
        "relations": {node["name"]: node["relation_name"] for node in nodes.values()},
        "models": {
            nodes[key]["name"]: {
                "reads": sorted(nodes[parent]["name"] for parent in nodes[key]["depends_on"]["nodes"]),
                "sql": sql,
            }
            for key, sql in compiled.items()
            if key in nodes
        },
    }
