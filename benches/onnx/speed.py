"""Times our export next to the reference's own export of the same model, in onnxruntime on two threads.

    cargo xtask interop --only sentence-transformers           # installs what is needed into target/interop/torch
    cargo build --profile xtask --package m2v-cli
    target/interop/torch/bin/python benches/onnx/speed.py --m2v target/xtask/m2v

The model has the shipped model's tokens and 256 dimensions in float32, which is what most published models have (--model
takes another). With --dtype both export a copy that `m2v quantize` makes of it: the reference's own export of an int8 table
is float16, ours stays int8. Ids are drawn as words are, lengths around 20 tokens, and a batch is padded to its longest. Every output is
asked for: ours has two, the reference's one. Rounds alternate between both; the table shows medians, and a ratio below its
floor fails the command.

With --signature bag the same ids are texts without padding, and the other side is the export that the reference had before
it took a mask: an EmbeddingBag in float32, of which torch's older exporter makes a loop over texts.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file, save_file

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "minilm-l6-64d"
# Batch → how many times faster ours has to be. A single text takes microseconds, of which 5 % are noise.
FLOORS = {"transformer": {1: 0.95, 32: 1.2, 1024: 1.5}, "bag": {1: 0.95, 32: 1.0, 1024: 1.0}}
# The graph of each dtype, and how far the reference may be from it: it computes in float16 where the table is smaller.
GRAPHS = {"f32": ("model.onnx", 1e-6), "f16": ("model_fp16.onnx", 2e-3), "int8": ("model_quantized.onnx", 2e-3)}
ROUNDS, ROUND_SECONDS = 31, 0.05


def wide_model(folder):
    """The shipped model with 256 dimensions in float32."""
    shutil.copytree(SHIPPED, folder)
    rows = load_file(folder / "model.safetensors")["embeddings"].shape[0]
    table = np.random.default_rng(0).standard_normal((rows, 256), dtype=np.float32)
    save_file({"embeddings": table}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_dim": 256, "embedding_dtype": "float32"}))
    return folder


def reference_export(model, out):
    from model2vec import StaticModel
    from model2vec.onnx import export_model_to_onnx

    export_model_to_onnx(StaticModel.from_pretrained(model), out)
    return out / "model.onnx"


def bag_export(model, out):
    import torch
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(model)
    rows = model.embedding if model.token_mapping is None else model.embedding[model.token_mapping]
    weights = 1 if model.weights is None else model.weights.astype(np.float32)[:, None]
    table = torch.from_numpy(rows.astype(np.float32) * weights)

    class Bag(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bag = torch.nn.EmbeddingBag.from_pretrained(table, mode="mean")

        def forward(self, input_ids, offsets):
            return torch.nn.functional.normalize(self.bag(input_ids, offsets))

    out.mkdir()
    torch.onnx.export(
        Bag(),
        (torch.tensor([5, 6, 7]), torch.tensor([0, 2])),
        out / "model.onnx",
        dynamo=False,
        opset_version=14,
        input_names=["input_ids", "offsets"],
        output_names=["embeddings"],
        dynamic_axes={"input_ids": {0: "num_tokens"}, "offsets": {0: "batch_size"}},
    )
    return out / "model.onnx"


def session(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(graph, options)


def batch(size, rows):
    rng = np.random.default_rng(size)
    lengths = np.clip(rng.gamma(5, 4, size).astype(int), 1, 48)
    # As many ids as words have, ranked by how often they come.
    ids = np.minimum(rng.zipf(1.3, (size, lengths.max())) + 1000, rows - 1)
    mask = np.arange(lengths.max()) < lengths[:, None]
    return {"input_ids": np.where(mask, ids, 0).astype(np.int64), "attention_mask": mask.astype(np.int64)}


def bag(size, rows):
    padded = batch(size, rows)
    mask = padded["attention_mask"].astype(bool)
    lengths = mask.sum(axis=1)
    return {"input_ids": padded["input_ids"][mask], "offsets": np.cumsum(lengths) - lengths}


def seconds(run, times):
    start = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - start) / times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--m2v", required=True, help="the m2v binary")
    parser.add_argument("--model", type=Path, help="a model folder")
    parser.add_argument("--dtype", choices=GRAPHS, default="f32", help="numbers of the model's table")
    parser.add_argument("--signature", choices=FLOORS, default="transformer", help="inputs of the graphs")
    args = parser.parse_args()
    graph, bound = GRAPHS[args.dtype]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        model = args.model or wide_model(work / "model")
        subprocess.run([args.m2v, "quantize", model, work / "copy", "--dtype", args.dtype], check=True)
        model = work / "copy"
        options = ["--dtype", args.dtype, "--signature", args.signature]
        subprocess.run([args.m2v, "export", model, work / "ours", *options], check=True)
        rows = len(json.loads((model / "tokenizer.json").read_text())["model"]["vocab"])
        export, make = {"transformer": (reference_export, batch), "bag": (bag_export, bag)}[args.signature]
        sides = [session(work / "ours/onnx" / graph), session(export(model, work / "reference"))]
        print(f"{args.signature}, {args.dtype}, {graph}\n\n| ids | m2v µs | reference µs | ratio | floor |\n|---|---|---|---|---|")
        good = True
        for size, floor in FLOORS[args.signature].items():
            inputs = make(size, rows)
            ours, reference = (lambda side=side: side.run(None, inputs) for side in sides)
            difference = np.abs(ours()[-1] - reference()[0]).max()
            assert difference < bound, f"the two do not agree: {difference}"
            times = [max(1, int(ROUND_SECONDS / seconds(run, 3))) for run in (ours, reference)]
            rounds = [[seconds(run, n) for run, n in zip((ours, reference), times)] for _ in range(ROUNDS)]
            medians = [statistics.median(side) * 1e6 for side in zip(*rounds)]
            ratio = medians[1] / medians[0]
            good &= ratio >= floor
            shape = " × ".join(map(str, inputs["input_ids"].shape))
            shape = f"{shape} of {size} texts" if args.signature == "bag" else shape
            print(f"| {shape} | {medians[0]:.1f} | {medians[1]:.1f} | {ratio:.2f} | {floor} |", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
