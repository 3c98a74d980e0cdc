"""Loads folders that m2v wrote in other clients and compares their embeddings, and what a head says, with those of m2v.

    pip install model2vec==0.10.0 onnxruntime onnx          # and, to check it too: sentence-transformers>=6.2
    python check_folder.py --m2v PATH_OF_m2v FOLDER...

A client that is not installed is skipped and named; a difference over the bound fails with exit code 1.
Bounds, for vectors of length 1: 1e-6, except that
* model2vec and sentence-transformers compute in float16 when the table is float16: 1e-3;
* a graph whose numbers are smaller than the table's has lost some: model_fp16.onnx 2e-3, model_quantized.onnx 2e-2.
Every graph in onnx/ is run, of either signature, and held to sums in float64: in float32, the order of thousands of
additions shows in the sixth digit. A folder with a head is a pipeline: its labels have to be the same, and its values
within the bound. In a graph they are held, within 1e-6, to what Python's head says of the same sums, or of the embedding
that a smaller graph gives: how far that moves them depends on the head.
sentence-transformers is compared on the texts where it is defined to agree: no unknown token, at most max_length
tokens, not empty.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def m2v(binary, folder, texts):
    """What m2v encodes from the folder."""
    with tempfile.TemporaryDirectory() as work:
        lines = Path(work) / "texts.jsonl"
        lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        out = Path(work) / "out.npy"
        subprocess.run([binary, "encode", folder, lines, "-o", out], check=True)
        return np.load(out)


def m2v_predict(binary, folder, texts, *options):
    """What m2v predicts, a dictionary for each text."""
    with tempfile.TemporaryDirectory() as work:
        lines = Path(work) / "texts.jsonl"
        lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        run = subprocess.run([binary, "predict", folder, lines, *options], check=True, capture_output=True, text=True)
        return [json.loads(line) for line in run.stdout.splitlines()]


def m2v_evaluate(binary, folder, texts, labels):
    """What m2v says of its predictions."""
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "data.jsonl"
        data.write_text("".join(json.dumps({"text": t, "label": l}) + "\n" for t, l in zip(texts, labels)))
        run = subprocess.run([binary, "evaluate", folder, data, "--json"], check=True, capture_output=True, text=True)
        return json.loads(run.stdout)


def model2vec(folder, texts):
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder)
    return model.encode(texts).astype(np.float32), model


def summed_in_float64(model, texts):
    """What the model's table says, without the rounding of sums in float32."""
    out = np.zeros((len(texts), model.dim))
    model.tokenizer.enable_truncation(model.max_length or 512)
    for text, ids in enumerate(model.tokenize(texts)):
        rows = ids if model.token_mapping is None else model.token_mapping[ids]
        vectors = model.embedding[rows].astype(np.float64)
        if model.weights is not None:
            vectors *= model.weights[ids].astype(np.float64)[:, None]
        if len(ids):
            out[text] = vectors.mean(axis=0)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-32) if model.normalize else out


def sentence_transformers(folder, texts):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts)


def graph_bound(graph, dtype):
    """What a graph may differ by, of a model whose table is of that type."""
    made_smaller = {"model_fp16.onnx": (2e-3, ("float16",)), "model_quantized.onnx": (2e-2, ("int8",))}
    bound, kept = made_smaller.get(graph.name, (1e-6, ()))
    return 1e-6 if str(dtype) in kept else bound


def padded(batch):
    ids = np.array([e.ids for e in batch], dtype=np.int64).reshape(len(batch), -1)
    mask = np.array([e.attention_mask for e in batch], dtype=np.int64).reshape(ids.shape)
    return {"input_ids": ids, "attention_mask": mask}


def flat(batch):
    ids = [e.ids for e in batch]
    offsets = np.cumsum([0] + [len(text) for text in ids[:-1]])
    return {"input_ids": np.array(sum(ids, []), dtype=np.int64), "offsets": offsets.astype(np.int64)}


def onnxruntime(folder, graph, texts):
    """Tokenises with the exported tokenizer.json as a client does; the embeddings, and what the head says if there is one.
    Both outputs of an encoder have to agree."""
    import onnx
    import onnxruntime as ort
    from tokenizers import Tokenizer

    onnx.checker.check_model(onnx.load(graph), full_check=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(config["model_max_length"])
    session = ort.InferenceSession(graph)
    bag = any(value.name == "offsets" for value in session.get_inputs())
    if not bag:
        pad = config["pad_token"]
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad), pad_token=pad)
    batches = []
    for start in range(0, len(texts), 64):
        inputs = (flat if bag else padded)(tokenizer.encode_batch(texts[start : start + 64]))
        hidden, *outputs = session.run(None, inputs)
        if bag:
            outputs.insert(0, hidden)
        else:
            # A client that pools itself gets the same direction.
            pooled = (hidden * inputs["attention_mask"][..., None]).sum(axis=1)
            norm = lambda x: x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-32)
            assert np.abs(norm(pooled) - norm(outputs[0])).max() < 1e-5, "last_hidden_state"
        batches.append(outputs)
    embeddings, *head = (np.concatenate(output) for output in zip(*batches))
    return embeddings, head[0] if head else None


def report(folder, client, texts, expected, found, bound):
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    difference = float(np.abs(expected - found).max(initial=0)) / scale
    good = difference <= bound
    print(f"{folder}: {client}: {texts} texts, largest difference {difference:.1e}, bound {bound:.0e}: {'ok' if good else 'FAILED'}")
    return good


def check_head(binary, folder, texts, short, bound, graphs, exact):
    """The head of a pipeline, in model2vec and in the graphs, of which it gets what they gave and should give."""
    import onnx
    from model2vec.inference import StaticModelPipeline

    head = json.loads((folder / "config.json").read_text())["head_config"]
    pipeline = StaticModelPipeline.from_pretrained(folder)
    predicted = pipeline.predict(texts)
    if head["activation"] == "identity":
        output, python = "predictions", np.asarray(predicted, dtype=np.float32)
        expected = np.array([line["values"] for line in m2v_predict(binary, folder, texts)], dtype=np.float32)
        good = []
    else:
        output, python = "probabilities", pipeline.predict_proba(texts)
        lines = m2v_predict(binary, folder, texts, "--proba")
        expected = np.array([line["proba"] for line in lines], dtype=np.float32)
        labels = [line.get("labels", line.get("label")) for line in lines]
        same = [(x == list(y) if isinstance(x, list) else x == y) for x, y in zip(labels, predicted)]
        # Where both compute in float32, no label may differ.
        good = [all(same) or bound > 1e-6 and np.mean(same) > 0.99]
        print(f"{folder}: model2vec: {sum(same)} of {len(same)} labels are the same: {'ok' if good[0] else 'FAILED'}")
        truth = labels[1:] + labels[:1]
        found, wanted = m2v_evaluate(binary, folder, texts, truth), pipeline.evaluate(texts, truth)
        rows = {str(row["label"]): row for row in found["classes"]} | {k: found[k] for k in ("macro avg", "weighted avg")}
        keys = ("precision", "recall", "f1-score", "support")
        worst = max(abs(rows[name][key] - wanted[name][key]) for name in rows for key in keys)
        worst = max(worst, abs(found["accuracy"] - wanted["accuracy"]))
        good.append(worst <= (1e-9 if all(same) else 0.02))
        print(f"{folder}: model2vec: evaluate, largest difference {worst:.1e}: {'ok' if good[-1] else 'FAILED'}")
    good.append(report(folder, f"model2vec, {output}", len(texts), expected, python, bound))
    for graph, (embeddings, found) in graphs.items():
        kept = graph_bound(graph, pipeline.model.embedding.dtype) == 1e-6
        wanted = pipeline.head.predict_proba(exact if kept else embeddings)
        name = f"onnxruntime, {graph.name}, {output}"
        good.append(report(folder, name, sum(short), wanted[short], found[short], 1e-6))
        notes = {note.key: note.value for note in onnx.load(graph).metadata_props}
        classes = json.loads(notes.get("classes", "null"))
        good.append(classes == head["classes"])
        print(f"{folder}: {graph.name}: classes {classes}: {'ok' if good[-1] else 'FAILED'}")
    return good


def check(binary, folder, texts):
    folder = Path(folder)
    expected = m2v(binary, folder, texts)
    found, model = model2vec(folder, texts)
    python_bound = 1e-3 if model.embedding.dtype == np.float16 else 1e-6
    good = [report(folder, "model2vec", len(texts), expected, found, python_bound)]
    limit = model.max_length or 512
    cut = (model.max_length or 10**9) * model.median_token_length
    short = [len(text) <= cut for text in texts]
    graphs = {graph: onnxruntime(folder, graph, texts) for graph in sorted(folder.glob("onnx/*.onnx"))}
    exact = summed_in_float64(model, texts)
    for graph, (found, _) in graphs.items():
        bound = graph_bound(graph, model.embedding.dtype)
        # Clients of the graph cut tokens, not code points: texts that model2vec cuts there may differ.
        good.append(report(folder, f"onnxruntime, {graph.name}", sum(short), exact[short], found[short], bound))
    if (folder / "head.safetensors").exists():
        good += check_head(binary, folder, texts, short, python_bound, graphs, exact)
    if importlib.util.find_spec("sentence_transformers"):
        model.tokenizer.no_truncation()
        whole = [model.tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        same = [bool(ids) and model.unk_token_id not in ids and len(ids) <= limit and s for ids, s in zip(whole, short)]
        found = sentence_transformers(folder, [text for text, s in zip(texts, same) if s])
        good.append(report(folder, "sentence-transformers", sum(same), expected[same], found, python_bound))
    else:
        print(f"{folder}: sentence-transformers: skipped, not installed")
    return all(good)


def main(check, description):
    """Runs a check of folders as the command line says."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--m2v", required=True, help="the m2v binary")
    parser.add_argument("--texts", default=HERE.parent / "fixtures" / "texts.json", help="a JSON list of texts")
    parser.add_argument("folders", nargs="+")
    args = parser.parse_args()
    texts = json.loads(Path(args.texts).read_text())
    results = [check(args.m2v, folder, texts) for folder in args.folders]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main(check, __doc__)
