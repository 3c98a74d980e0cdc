"""What the scripts beside this one share: they embed the texts that `cargo xtask interop` made, and say what came out.

    python SCRIPT.py EXPORTED WORK

EXPORTED/model and EXPORTED/bag are folders of `m2v export`; WORK holds `texts.json`, a list, and `tokens.json`, batches of
ids. The vectors of each case go to WORK/out as little-endian float32, and a line of JSON about it to standard output.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

EXPORTED, WORK = (Path(arg).resolve() for arg in sys.argv[1:3])
MODEL = EXPORTED / "model"


def texts():
    return json.loads((WORK / "texts.json").read_text())


def tokens():
    """Batches of the same texts as ids, as a graph takes them: `input_ids`, `attention_mask`, and flat, as `bag` takes them."""
    return json.loads((WORK / "tokens.json").read_text())


def case(client, name, file, embed, *, truth="texts", apart=None, why=None):
    """Runs one way of embedding the texts, reading `file`. `truth` is what it is compared with: `texts`, which are cut to
    max_length, or `tokens`, which are not. Texts that are `apart` are not compared, and `why` says the reason."""
    line = {"version": version(client), "case": name, "file": file, "truth": truth, "apart": apart, "why": why}
    try:
        vectors = np.asarray(embed(), dtype="<f4")
        path = WORK / "out" / f"{client} {name} {file}.f32".replace("/", "-")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(vectors.tobytes())
        line |= {"vectors": path.name, "shape": list(vectors.shape)}
    except Exception as error:  # What a client cannot do is an answer too.
        line["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(line), flush=True)


GRAPHS = ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"]


def token_cases(client, load):
    """Runs the graphs of both signatures on ids: thousands of tokens, any amount of padding, empty bags. `load` makes of a
    path a function from inputs to outputs, each a dict of arrays by their names."""

    def embed(folder, graph, output, inputs):
        run = load(EXPORTED / folder / graph)
        batches = [{name: np.array(values, dtype=np.int64) for name, values in inputs(batch).items()} for batch in tokens()]
        return np.concatenate([run(batch)[output] for batch in batches])

    def padded(batch):
        return {name: batch[name] for name in ["input_ids", "attention_mask"]}

    for graph in GRAPHS:
        case(client, "tokens", graph, lambda: embed("model", graph, "sentence_embedding", padded), truth="tokens")
        case(client, "bag", graph, lambda: embed("bag", graph, "embeddings", lambda batch: batch["bag"]), truth="tokens")
