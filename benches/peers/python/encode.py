"""Texts per second of processor time with Python model2vec, printed as JSON.

Arguments: model folder, file of texts (one a line), texts a call, warm passes.
"""

import json
import statistics
import sys
import time

from model2vec import StaticModel

folder, file, call, passes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open(file, encoding="utf-8", newline="\n") as lines:
    texts = lines.read().split("\n")[:-1]
model = StaticModel.from_pretrained(folder)


def one_pass() -> float:
    start = time.process_time()
    for first in range(0, len(texts), call):
        model.encode(texts[first : first + call], use_multiprocessing=False)
    return len(texts) / (time.process_time() - start)


cold = one_pass()
print(json.dumps({"cold": cold, "warm": statistics.median(one_pass() for _ in range(passes))}))
