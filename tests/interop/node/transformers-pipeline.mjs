// transformers.js, the way its own pages show: a pipeline, which takes the mean of the tokens' vectors itself.

import { basename, dirname } from "node:path";
import { batches, model, run, texts } from "./client.mjs";

// docs: transformers.js
import { env, pipeline } from "@huggingface/transformers";

async function load(folder, dtype) {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder);
  const extractor = await pipeline("feature-extraction", basename(folder), { dtype });
  return (texts) => extractor(texts, { pooling: "mean", normalize: true });
}
// docs: end

const files = { fp32: "onnx/model.onnx", fp16: "onnx/model_fp16.onnx", q8: "onnx/model_quantized.onnx" };
for (const [dtype, file] of Object.entries(files)) {
  const embed = async function* () {
    const embed = await load(model, dtype);
    for (const batch of batches(texts())) yield embed(batch);
  };
  await run("@huggingface/transformers", `pipeline, ${dtype}`, file, embed, {
    apart: "without known tokens",
    why: "the pipeline divides by the number of tokens and by the length, 0 / 0 there; AutoModel gives zeros",
  });
}
