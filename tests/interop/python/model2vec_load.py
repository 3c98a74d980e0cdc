"""model2vec itself, reading the folder back."""

from client import MODEL, case, texts

# docs: model2vec
from model2vec import StaticModel


def embed(folder, texts):
    return StaticModel.from_pretrained(folder).encode(texts)
# docs: end


case("model2vec", "encode", "model.safetensors", lambda: embed(MODEL, texts()))
