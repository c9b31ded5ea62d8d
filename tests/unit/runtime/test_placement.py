"""onnxruntime says where each node runs. Here is no GPU: all of them are on the CPU."""

from brightness import brighter

from components.runtime.placement import on_the_cpu


def test_each_node_of_the_optimised_model_is_named_with_its_type() -> None:
    kinds = [node.split(" ")[0] for node in on_the_cpu(brighter(0.02), ["cpu"])]
    assert {"Cast", "ReduceMean", "Softmax"} <= set(kinds)
