// onnxruntime-node and onnxruntime-web, with the tokenizers package in front: the code of the page in docs/browser.
//
//     node onnxruntime-texts.mjs EXPORTED WORK onnxruntime-node|onnxruntime-web

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { batches, graphs, model, run, texts } from "./client.mjs";
import { loadEmbedder } from "./embed.js";
import { Tokenizer } from "@huggingface/tokenizers";

const client = process.argv[4];
const ort = await import(client);
const read = (name) => readFile(join(model, name));

for (const graph of graphs) {
  const embed = async function* () {
    const embed = await loadEmbedder({ ort, Tokenizer, read, graph });
    for (const batch of batches(texts())) {
      const vectors = await embed(batch);
      yield { data: Float32Array.from(vectors.flatMap((vector) => [...vector])), dims: [vectors.length, vectors[0].length] };
    }
  };
  await run(client, "texts", graph, embed);
}
