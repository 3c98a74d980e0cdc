"""fastembed's own static embeddings, which read the table and no graph."""

from client import MODEL, case, texts

# docs: fastembed-static
from fastembed.text.static_embedding import StaticTextEmbedding


def load(folder):
    # fastembed knows static models by name; any name will do where the folder is given.
    return StaticTextEmbedding("minishlab/potion-base-8M", specific_model_path=str(folder))
# docs: end


case("fastembed", "StaticTextEmbedding", "model.safetensors", lambda: list(load(MODEL).embed(texts())))
