// Embeds texts with a folder that `m2v export` wrote. Runs in browsers, with onnxruntime-web, and in Node.

/**
 * @param ort the module onnxruntime-web, or onnxruntime-node
 * @param Tokenizer the class of @huggingface/tokenizers
 * @param read gives the bytes of a file of the folder
 * @param graph model.onnx is float32; model_fp16.onnx is half as large, model_quantized.onnx a quarter
 * @returns a function from texts to their vectors, a Float32Array each; zeros for a text without known tokens
 */
export async function loadEmbedder({ ort, Tokenizer, read, graph = "onnx/model.onnx" }) {
  const readJson = async (name) => JSON.parse(new TextDecoder().decode(await read(name)));
  const [tokenizerJson, config, bytes] = await Promise.all([
    readJson("tokenizer.json"),
    readJson("tokenizer_config.json"),
    read(graph),
  ]);
  const tokenizer = new Tokenizer(tokenizerJson, config);
  const pad = tokenizer.token_to_id(config.pad_token);
  const session = await ort.InferenceSession.create(bytes);

  return async (texts) => {
    const ids = texts.map((text) => tokenizer.encode(text).ids.slice(0, config.model_max_length));
    const width = Math.max(1, ...ids.map((ids) => ids.length));
    const input_ids = new BigInt64Array(texts.length * width).fill(BigInt(pad));
    const attention_mask = new BigInt64Array(texts.length * width);
    ids.forEach((ids, row) => {
      input_ids.set(ids.map(BigInt), row * width);
      attention_mask.fill(1n, row * width, row * width + ids.length);
    });
    const tensor = (values) => new ort.Tensor("int64", values, [texts.length, width]);
    const inputs = { input_ids: tensor(input_ids), attention_mask: tensor(attention_mask) };
    const { sentence_embedding } = await session.run(inputs, ["sentence_embedding"]);
    const dim = sentence_embedding.dims[1];
    return texts.map((_, row) => sentence_embedding.data.slice(row * dim, (row + 1) * dim));
  };
}
