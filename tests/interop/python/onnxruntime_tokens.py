"""onnxruntime on ids."""

import onnxruntime
from client import token_cases


def load(path):
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


token_cases("onnxruntime", load)
