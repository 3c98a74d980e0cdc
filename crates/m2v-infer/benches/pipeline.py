"""Texts a second of Python model2vec's classifier, printed as a number.

Arguments: pipeline folder, file of texts (one a line), passes. `benches/pipeline.rs` runs it, on one thread.
"""

import sys
import time

from model2vec.inference import StaticModelPipeline

folder, file, passes = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(file, encoding="utf-8", newline="\n") as lines:
    texts = lines.read().split("\n")[:-1]
pipeline = StaticModelPipeline.from_pretrained(folder)


def one_pass() -> float:
    start = time.perf_counter()
    pipeline.predict(texts, use_multiprocessing=False)
    return time.perf_counter() - start


print(len(texts) / min(one_pass() for _ in range(passes)))
