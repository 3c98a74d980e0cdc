"""Prunes multilingual models with half of an English corpus and measures what the other half loses.

    pip install tokenizers safetensors numpy
    python measure_pruning.py --m2v PATH_OF_m2v --corpus DIR

DIR holds en_prose.txt.gz (40,000 lines of English) and udhr.txt.gz (25,000 paragraphs in 500 languages). A WordPiece and a
Unigram vocabulary of 40,000 tokens are trained on all languages and every eighth English line; the vectors are random, so
that nothing but the very token helps. Every second English line prunes the model, the others are measured. More than
40 % of the rows, or a mean cosine below 0.999, end in exit code 1.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

VOCABULARY = 40_000


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return tokenizer, trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, limit_alphabet=3000, show_progress=False
    )


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=special, unk_token="<unk>", show_progress=False
    )


def measure(binary, name, tokenizer, trainer, udhr, prose, work):
    tokenizer.train_from_iterator(udhr + prose[::8], trainer)
    model = work / name
    model.mkdir()
    tokenizer.save(str(model / "tokenizer.json"))
    shape = (tokenizer.get_vocab_size(), 64)
    save_file({"embeddings": np.random.default_rng(1).standard_normal(shape).astype(np.float16)}, model / "model.safetensors")
    (model / "config.json").write_text(json.dumps({"normalize": True, "max_length": 512}))
    (work / "half.txt").write_text("\n".join(prose[::2]))
    (work / "other.txt").write_text("\n".join(prose[1::2]))
    command = [binary, "quantize", model, work / f"{name}-pruned", "--prune", work / "half.txt", "--texts", work / "other.txt"]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    loss = dict(line.rsplit(None, 1) for line in printed.splitlines())
    rows = Tokenizer.from_file(str(work / f"{name}-pruned" / "tokenizer.json")).get_vocab_size()
    good = rows <= 0.4 * shape[0] and float(loss["cosine mean"]) >= 0.999
    print(f"{name}: {rows} of {shape[0]} rows, {loss}: {'ok' if good else 'FAILED'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--m2v", required=True, help="the m2v binary")
    parser.add_argument("--corpus", required=True, type=Path)
    args = parser.parse_args()
    udhr, prose = (
        gzip.open(args.corpus / f"{name}.txt.gz", "rt").read().splitlines() for name in ("udhr", "en_prose")
    )
    with tempfile.TemporaryDirectory() as work:
        results = [
            measure(args.m2v, name, *make(), udhr, prose, Path(work))
            for name, make in (("wordpiece", wordpiece), ("unigram", unigram))
        ]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
