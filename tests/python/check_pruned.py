"""Compares the embeddings of a model and of the same model pruned, in Python model2vec.

    pip install model2vec==0.10.0
    python check_pruned.py --m2v PATH_OF_m2v [--texts FILE] MODEL...

Each MODEL is pruned with `m2v quantize --prune`, for every second text. Of these texts every bit of the embeddings has
to be what it was, with the model's max_length and without one; of the others none may fail. A difference ends in exit code 1.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from check_folder import main
from model2vec import StaticModel


def unknown(model):
    return None if model.unk_token_id is None else model.tokenizer.id_to_token(model.unk_token_id)


def check(binary, folder, texts):
    half, other = texts[::2], texts[1::2]
    with tempfile.TemporaryDirectory() as work:
        corpus, pruned = Path(work) / "corpus.jsonl", Path(work) / "pruned"
        corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in half))
        subprocess.run([binary, "quantize", folder, pruned, "--prune", corpus], check=True)
        before, after = StaticModel.from_pretrained(folder), StaticModel.from_pretrained(pruned)
        # m2v keeps what modules.json says of a sentence-transformers folder, which model2vec does not read there.
        before.normalize = after.normalize
        recipe = json.loads((pruned / "config.json").read_text())["recipe"]
        assert recipe == f"prune={corpus.name}", recipe
        assert np.isfinite(after.encode(other)).all()
    same = [
        before.median_token_length == after.median_token_length or before.max_length is None,
        unknown(before) == unknown(after),
        np.array_equal(before.encode(half), after.encode(half)),
        np.array_equal(before.encode(half, max_length=None), after.encode(half, max_length=None)),
    ]
    rows = f"{len(before.tokenizer.get_vocab())} -> {len(after.tokenizer.get_vocab())} tokens"
    print(f"{folder}: {rows}, {len(half)} texts: {'ok' if all(same) else f'FAILED {same}'}")
    return all(same)


if __name__ == "__main__":
    main(check, __doc__)
