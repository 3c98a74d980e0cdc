"""MNN on ids, which it takes as int32, of graphs that its converter has read."""

import subprocess
import sys
from pathlib import Path

import MNN
import numpy as np
from client import WORK, token_cases

CONVERT = Path(sys.executable).with_name("mnnconvert")


def load(path):
    converted = WORK / f"{path.parents[1].name}-{path.stem}.mnn"
    command = [CONVERT, "-f", "ONNX", "--modelFile", path, "--MNNModel", converted, "--bizCode", "m2v"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    names = (["input_ids", "offsets"], ["embeddings"])
    if path.parents[1].name == "model":
        names = (["input_ids", "attention_mask"], ["sentence_embedding"])
    network = MNN.nn.load_module_from_file(str(converted), *names)

    def run(inputs):
        arrays = [inputs[name].astype(np.int32) for name in names[0]]
        values = [MNN.expr.const(a.ravel().tolist(), list(a.shape), MNN.expr.NCHW, MNN.expr.int) for a in arrays]
        [output] = network.onForward(values)
        output = MNN.expr.convert(output, MNN.expr.NCHW)
        return {names[1][0]: np.array(output.read()).reshape(output.shape)}

    return run


token_cases("MNN", load)
