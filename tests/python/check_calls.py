"""Holds docs/from-python.md to naming every public call of the Python model2vec that is installed.

    pip install model2vec==0.10.0
    python check_calls.py [FROM_PYTHON.md]

Public: the methods, properties and parameters of StaticModel and StaticModelPipeline, and the functions and classes that a
user imports. Names that the page lacks are printed and end in exit code 1.
"""
import ast
import sys
from pathlib import Path

import model2vec

# Modules that users import from; those of training and distillation by what their packages export.
MODULES = ["model.py", "onnx.py", "quantization.py", "vocabulary_quantization.py", "inference/model.py"]
MODULES += ["inference/evaluation.py", "inference/mlp.py", "persistence/persistence.py", "persistence/hf.py"]
EXPORTS = ["__init__.py", "inference/__init__.py", "distill/__init__.py", "train/__init__.py", "persistence/__init__.py"]
EXPORTS += ["modelcards/__init__.py"]
# Parts of the above that no user calls: what a head is made of, modules for torch.
PARTS = {"Activation", "Layer", "TorchStaticModel", "TorchStaticModelPipeline", "DType"}
CLASSES = {"StaticModel", "StaticModelPipeline"}


def public(name):
    return not name.startswith("_")


def names(package):
    """Every name that the page has to have; what `__all__` lists among them."""
    found = set()
    for module in MODULES:
        for node in ast.parse((package / module).read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and public(node.name):
                found.add(node.name)
            if not isinstance(node, ast.ClassDef) or node.name not in CLASSES:
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and (public(method.name) or method.name == "__init__"):
                    arguments = method.args.args[1:] + method.args.kwonlyargs
                    found.update({method.name} - {"__init__"})
                    # Those of the constructor are the attributes; those without a default stand in every example.
                    found.update(argument.arg for argument in arguments[len(arguments) - len(method.args.defaults) :])
    for module in EXPORTS:
        for node in ast.parse((package / module).read_text()).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
                found.update(ast.literal_eval(node.value))
    return {name for name in found - PARTS if public(name)}


page = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs/from-python.md").read_text()
expected = names(Path(model2vec.__file__).parent)
missing = sorted(name for name in expected if name not in page)
print(f"model2vec {model2vec.__version__}: {len(expected)} names, {len(missing)} not in the page {' '.join(missing)}".strip())
sys.exit(bool(missing or len(expected) < 30))
