"""onnxruntime on ids, in both signatures: thousands of tokens, any amount of padding, empty bags."""

import numpy as np
import onnxruntime
from client import EXPORTED, case, tokens


def transformer(graph):
    session = onnxruntime.InferenceSession(EXPORTED / "model" / graph)
    names = ["input_ids", "attention_mask"]
    batches = [{name: np.array(batch[name], dtype=np.int64) for name in names} for batch in tokens()]
    return np.concatenate([session.run(["sentence_embedding"], batch)[0] for batch in batches])


def bag(graph):
    session = onnxruntime.InferenceSession(EXPORTED / "bag" / graph)
    batches = [{name: np.array(batch["bag"][name], dtype=np.int64) for name in batch["bag"]} for batch in tokens()]
    return np.concatenate([session.run(["embeddings"], batch)[0] for batch in batches])


for graph in ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"]:
    case("onnxruntime", "tokens", graph, lambda: transformer(graph), truth="tokens")
    case("onnxruntime", "bag", graph, lambda: bag(graph), truth="tokens")
