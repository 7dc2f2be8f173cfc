"""What Dagster works out again for each output of a step though it is the same for all of them, worked out once."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from dagster import AssetKey
from dagster._core.execution.context.system import StepExecutionContext

_output_asset_keys = StepExecutionContext.get_output_asset_keys
_KEPT = "_concord_output_asset_keys"


def make_lean() -> None:
    """Make Dagster in this process lean."""
    StepExecutionContext.get_output_asset_keys = _output_asset_keys_once  # type: ignore[method-assign]


def _output_asset_keys_once(self: StepExecutionContext) -> AbstractSet[AssetKey]:
    """The assets of a step: for a step of hundreds, hundreds of hundreds of look-ups."""
    if _KEPT not in self.__dict__:
        self.__dict__[_KEPT] = frozenset(_output_asset_keys(self))
    return self.__dict__[_KEPT]
