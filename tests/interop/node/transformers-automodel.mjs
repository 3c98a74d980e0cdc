// transformers.js, with the model's own sentence embedding, which is zeros for a text without known tokens.

import { basename, dirname } from "node:path";
import { batches, model, run, texts } from "./client.mjs";

// docs: transformers.js-automodel
import { AutoModel, AutoTokenizer, env } from "@huggingface/transformers";

async function load(folder, dtype) {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder);
  const tokenizer = await AutoTokenizer.from_pretrained(basename(folder));
  const model = await AutoModel.from_pretrained(basename(folder), { dtype });
  return async (texts) => {
    const inputs = tokenizer(texts, { padding: true, truncation: true });
    const { sentence_embedding } = await model(inputs);
    return sentence_embedding;
  };
}
// docs: end

const files = { fp32: "onnx/model.onnx", fp16: "onnx/model_fp16.onnx", q8: "onnx/model_quantized.onnx" };
for (const [dtype, file] of Object.entries(files)) {
  const embed = async function* () {
    const embed = await load(model, dtype);
    for (const batch of batches(texts())) yield embed(batch);
  };
  await run("@huggingface/transformers", `AutoModel, ${dtype}`, file, embed);
}
