"""SiLU as one node, x * sigmoid(x), for ONNX Runtime's int8 files: left to itself it computes both halves in 8 bits, which
is slower than one in floating point between them, and rounds twice."""

from collections import Counter
from typing import Any

import onnx

DOMAIN = "com.microsoft"  # ONNX Runtime's own operators


def with_fused_silu(model: Any) -> Any:
    """The same model, each product of a tensor and its sigmoid as one QuickGelu (alpha 1) under the product's name. Changes
    `model`."""
    sigmoids = {node.output[0]: node for node in model.graph.node if node.op_type == "Sigmoid"}
    uses = Counter(name for node in model.graph.node for name in node.input)
    nodes, gone = [], set()
    for node in model.graph.node:
        gate = _gate(node, sigmoids)
        if gate is not None and uses[gate.output[0]] == 1:
            gone.add(gate.output[0])
            nodes.append(_silu(gate.input[0], node))
        else:
            nodes.append(node)
    kept = [node for node in nodes if node.output[0] not in gone]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    if gone and DOMAIN not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, 1))
    return model


def silu_inputs(model: Any) -> list[str]:
    """The tensors that fused SiLU nodes take."""
    return [node.input[0] for node in model.graph.node if node.op_type == "QuickGelu"]


def _gate(node: Any, sigmoids: dict[str, Any]) -> Any | None:
    """The sigmoid that a node multiplies by its own input; None where it does not."""
    if node.op_type != "Mul":
        return None
    return next(
        (sigmoids[name] for name in node.input if name in sigmoids and sigmoids[name].input[0] in node.input),
        None,
    )


def _silu(tensor: str, product: Any) -> Any:
    return onnx.helper.make_node(
        "QuickGelu", [tensor], list(product.output), name=product.name, domain=DOMAIN, alpha=1.0
    )
