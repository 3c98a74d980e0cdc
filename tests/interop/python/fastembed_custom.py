"""fastembed, with the graph as a custom model: its own vectors, and the mean that fastembed takes of the tokens'."""

import json

from client import MODEL, case, texts

# docs: fastembed
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType


def load(folder, name, graph="onnx/model.onnx"):
    dim = json.loads((folder / "config.json").read_text())["hidden_size"]
    TextEmbedding.add_custom_model(
        model=name,
        pooling=PoolingType.DISABLED,
        normalization=False,
        output_name="sentence_embedding",
        sources=ModelSource(hf=name),
        dim=dim,
        model_file=graph,
    )
    return TextEmbedding(name, specific_model_path=str(folder))
# docs: end


def mean(folder, name):
    """Without the name of an output fastembed takes the first, `last_hidden_state`, and pools it itself."""
    source = ModelSource(hf=name)
    TextEmbedding.add_custom_model(name, pooling=PoolingType.MEAN, normalization=True, sources=source, dim=64)
    return TextEmbedding(name, specific_model_path=str(folder))


for graph in ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"]:
    case("fastembed", "custom", graph, lambda: list(load(MODEL, f"m2v/{graph}", graph).embed(texts(), batch_size=64)))
case("fastembed", "custom, mean", "onnx/model.onnx", lambda: list(mean(MODEL, "m2v/mean").embed(texts(), batch_size=64)))
