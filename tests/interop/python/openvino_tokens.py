"""OpenVINO on ids, in float32: by default it takes what the processor likes best."""

import openvino
from client import token_cases

core = openvino.Core()


def load(path):
    model = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: {name: array for output, array in model(inputs).items() for name in output.names}


token_cases("openvino", load)
