"""onnxruntime, with the tokenizers package in front: what a program does that has no other client."""

from client import MODEL, case, texts

# docs: onnxruntime
import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class Embedder:
    def __init__(self, folder, graph="onnx/model.onnx"):
        config = json.loads((folder / "tokenizer_config.json").read_text())
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(config["model_max_length"])
        pad = config["pad_token"]
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id(pad), pad_token=pad)
        self.session = onnxruntime.InferenceSession(folder / graph)

    def __call__(self, texts):
        batch = self.tokenizer.encode_batch(texts)
        ids = np.array([text.ids for text in batch], dtype=np.int64)
        mask = np.array([text.attention_mask for text in batch], dtype=np.int64)
        return self.session.run(["sentence_embedding"], {"input_ids": ids, "attention_mask": mask})[0]
# docs: end


def embed(graph):
    embedder, all_texts = Embedder(MODEL, graph), texts()
    # All that a batch holds is padded to its longest text.
    batches = [embedder(all_texts[i : i + 32]) for i in range(0, len(all_texts), 32)]
    return np.concatenate(batches)


for graph in ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"]:
    case("onnxruntime", "texts", graph, lambda: embed(graph))
