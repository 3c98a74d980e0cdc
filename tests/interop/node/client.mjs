// What the scripts beside this one share: they embed the texts that `cargo xtask interop` made, and say what came out.
//
//     node SCRIPT.mjs EXPORTED WORK
//
// EXPORTED/model and EXPORTED/bag are folders of `m2v export`; WORK holds `texts.json`, a list, and `tokens.json`, batches
// of ids. The vectors of each case go to WORK/out as little-endian float32, and a line of JSON to standard output.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export const [exported, work] = process.argv.slice(2, 4).map((arg) => resolve(arg));
export const model = join(exported, "model");
export const graphs = ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"];

export const texts = () => JSON.parse(readFileSync(join(work, "texts.json")));

/** Batches of the same texts as ids: `input_ids`, `attention_mask`, and flat, as `bag` takes them. */
export const tokens = () => JSON.parse(readFileSync(join(work, "tokens.json")));

/** The texts in blocks of 32. */
export const batches = (all) => Array.from({ length: Math.ceil(all.length / 32) }, (_, i) => all.slice(32 * i, 32 * i + 32));

/** int64 `[rows, width]`, or `[width]` for a flat list. */
export function int64(ort, values) {
  const dims = Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length];
  return new ort.Tensor("int64", BigInt64Array.from(values.flat(), BigInt), dims);
}

/** The version of a package, which need not let its package.json be imported. */
function version(name) {
  const folders = createRequire(import.meta.url).resolve.paths(name);
  for (const folder of folders) {
    try {
      return JSON.parse(readFileSync(join(folder, name, "package.json"))).version;
    } catch {
      // Perhaps in the next one.
    }
  }
}

/**
 * Runs one way of embedding the texts, reading `file`; `embed` gives blocks of float32 in the order of the texts.
 * `truth` is what it is compared with: `texts`, which are cut to max_length, or `tokens`, which are not. Texts that are
 * `apart` are not compared, and `why` says the reason.
 */
export async function run(client, name, file, embed, { truth = "texts", apart = null, why = null } = {}) {
  const line = { version: version(client), case: name, file, truth, apart, why };
  try {
    const blocks = [];
    let rows = 0;
    let width = 0;
    for await (const { data, dims } of embed()) {
      if (!(data instanceof Float32Array)) throw new Error(`expected float32, found ${data.constructor.name}`);
      blocks.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      rows += dims[0];
      width = dims[1];
    }
    const out = `${client} ${name} ${file}.f32`.replaceAll("/", "-");
    mkdirSync(join(work, "out"), { recursive: true });
    writeFileSync(join(work, "out", out), Buffer.concat(blocks));
    Object.assign(line, { vectors: out, shape: [rows, width] });
  } catch (error) {
    // What a client cannot do is an answer too.
    line.error = String(error);
  }
  console.log(JSON.stringify(line));
}
