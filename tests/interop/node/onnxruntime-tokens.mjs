// onnxruntime-node and onnxruntime-web on ids, in both signatures: thousands of tokens, any amount of padding, empty bags.
//
//     node onnxruntime-tokens.mjs EXPORTED WORK onnxruntime-node|onnxruntime-web

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exported, graphs, int64, run, tokens } from "./client.mjs";

const client = process.argv[4];
const ort = await import(client);

async function* outputs(folder, graph, name, inputs) {
  const session = await ort.InferenceSession.create(readFileSync(join(exported, folder, graph)));
  for (const batch of tokens()) {
    const feeds = Object.entries(inputs(batch)).map(([name, values]) => [name, int64(ort, values)]);
    yield (await session.run(Object.fromEntries(feeds), [name]))[name];
  }
}

for (const graph of graphs) {
  const transformer = ({ input_ids, attention_mask }) => ({ input_ids, attention_mask });
  await run(client, "tokens", graph, () => outputs("model", graph, "sentence_embedding", transformer), { truth: "tokens" });
  await run(client, "bag", graph, () => outputs("bag", graph, "embeddings", ({ bag }) => bag), { truth: "tokens" });
}
