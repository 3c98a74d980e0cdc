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
