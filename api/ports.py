"""What the service needs from the inspector: protocols, so that the shell is tested without a model."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from firewarden.findings import InspectionContext, Text
from firewarden.inference.cctv_rules import CctvRules
from firewarden.inspection import InspectionResult


class ManifestPort(Protocol):
    """The loaded model, as `/v1/models` tells it."""

    @property
    def id(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def class_names(self) -> Sequence[str]: ...
    @property
    def input_size(self) -> int: ...
    @property
    def operating_points(self) -> Mapping[str, float]: ...
    @property
    def default_operating_point(self) -> float: ...
    @property
    def licence(self) -> str: ...
    @property
    def dataset_sha256(self) -> str: ...
    @property
    def git_sha(self) -> str: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...


class DetectorPort(Protocol):
    """Holder of the manifest."""

    @property
    def manifest(self) -> ManifestPort: ...


class RulesPort(Protocol):
    """The closed sets that a photo's context may name, and the whole file for `/v1/rules`."""

    @property
    def version(self) -> str: ...
    @property
    def venue_groups(self) -> Mapping[str, Collection[str]]: ...
    @property
    def scenes(self) -> Collection[str]: ...
    @property
    def flags(self) -> Mapping[str, object]: ...
    @property
    def drawn_names(self) -> Mapping[str, Text]: ...
    @property
    def closure_profiles(self) -> Mapping[str, object]: ...
    @property
    def cctv(self) -> CctvRules: ...

    def to_json(self) -> dict[str, Any]: ...


class InspectorPort(Protocol):
    """One photo in, one result out; raises InvalidImage. Called from several threads at a time.

    `sha256` is that of the bytes. `on_decoded` is called once the photo has proven readable, before the network runs;
    once `cancelled()` holds, `inspect` raises Abandoned between two stages.
    """

    @property
    def rules(self) -> RulesPort: ...
    @property
    def detector(self) -> DetectorPort: ...

    @property
    def photos_at_once(self) -> int: ...
    @property
    def runs_at_once(self) -> int: ...

    def inspect(
        self,
        data: bytes,
        context: InspectionContext,
        *,
        sha256: str,
        on_decoded: Callable[[], object],
        cancelled: Callable[[], bool],
    ) -> InspectionResult: ...

    def listen(self, on_run: Callable[[int, float], object]) -> None:
        """Tell `on_run` of every run of the network: photos that shared it, and seconds this one waited for them."""
        ...

    def warm_up(self) -> float:
        """Work on made-up photos until all is warm; the seconds one takes then."""
        ...

    def close(self) -> None: ...
