"""Which nodes of the network stay in floating point when it is quantised, by their names in the exported graph."""

import re
from typing import Any

_ATTENTION = r".*/attn/(?!.*conv).*"  # softmax of products: 8 bits flatten it


def float_patterns(model: Any, *, stages: int, whole_head: bool = False) -> list[str]:
    """Regular expressions over node names of an ONNX model.

    In floating point stay: the first `stages` stages (filters of the first take differences of neighbouring pixels, so
    rounding their weights lets the picture's brightness through, and a few of its channels are far larger than the
    others), the last convolutions of the head and what turns them into boxes and the top k (pixels and
    probabilities share one tensor there, which one scale cannot hold), attention but for its convolutions, and the pooled
    outputs. `whole_head` leaves the head there altogether.
    """
    head = head_prefix(model)
    leading = [rf"^{re.escape(stage)}.*" for stage in stage_prefixes(model)[:stages]]
    after_head = [rf"^{head}(?!one2one).*", rf"^{head}.*\.\d+/Conv$"] if head else []
    if head and whole_head:
        after_head = [f"^{head}.*"]
    pooled = sorted({_first_output(node) for node in model.graph.node if not node.name})
    return [*leading, *after_head, _ATTENTION, *(f"^{name}.*" for name in pooled)]


def stage_prefixes(model: Any) -> list[str]:
    """Name prefixes of the network's stages that hold a convolution, as `/model.0/`, in the order they are computed."""
    names = (
        str(node.name) for node in model.graph.node if node.op_type == "Conv" and node.name.count("/") > 1
    )
    return list(dict.fromkeys("/".join(name.split("/")[:2]) + "/" for name in names))


def head_prefix(model: Any) -> str:
    """Name prefix of the nodes of the detection head, found by its first top-k; "" without one."""
    names = (node.name for node in model.graph.node if node.op_type == "TopK")
    name: str = next(names, "")
    return name.rpartition("/")[0] + "/" if "/" in name else ""


def with_node_names(model: Any) -> Any:
    """The same model, its unnamed nodes named after their first output, so that they can be listed. Changes `model`."""
    for node in model.graph.node:
        node.name = node.name or _first_output(node)
    return model


def _first_output(node: Any) -> str:
    return str(node.output[0])


def class_convolutions(model: Any) -> list[Any]:
    """The nodes that end the head's class branches, one for each grid; none where there is no such head."""
    head = head_prefix(model)
    ends = re.compile(rf"^{re.escape(head)}[^/]*cv3\.\d+/.*\.\d+/Conv$")
    return [node for node in model.graph.node if head and node.op_type == "Conv" and ends.match(node.name)]
