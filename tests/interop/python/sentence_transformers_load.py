"""sentence-transformers, which reads `modules.json` and the table."""

from client import MODEL, case, texts

# docs: sentence-transformers
from sentence_transformers import SentenceTransformer


def embed(folder, texts):
    return SentenceTransformer(str(folder), device="cpu").encode(texts)
# docs: end


case(
    "sentence-transformers",
    "encode",
    "model.safetensors",
    lambda: embed(MODEL, texts()),
    apart="unknown",
    why="sentence-transformers keeps unknown tokens in the mean, and does not cut texts",
)
