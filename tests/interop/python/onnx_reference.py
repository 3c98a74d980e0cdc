"""The evaluator that comes with the onnx package, which knows each operator as its specification has it."""

import onnx
from client import token_cases
from onnx.reference import ReferenceEvaluator


def load(path):
    onnx.checker.check_model(path, full_check=True)
    evaluator = ReferenceEvaluator(str(path))
    return lambda inputs: dict(zip(evaluator.output_names, evaluator.run(None, inputs), strict=True))


token_cases("onnx", load)
