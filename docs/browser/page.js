// The page: two texts, their vectors, how alike they are, and how long that took.

import { Tokenizer } from "@huggingface/tokenizers";
import * as ort from "onnxruntime-web/wasm";
import { loadEmbedder } from "./embed.js";

// docs: browser
// Threads need a page that is isolated from others; a static model is fast without.
ort.env.wasm.numThreads = 1;

async function read(name) {
  const response = await fetch(`model/${name}`);
  if (!response.ok) throw new Error(`model/${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

const load = (graph) => loadEmbedder({ ort, Tokenizer, read, graph });
// docs: end

const element = (id) => document.getElementById(id);
const texts = [element("first"), element("second")];
let embed;

async function reload() {
  const start = performance.now();
  element("status").className = "";
  try {
    embed = await load(element("graph").value);
    await embed(["The first run is slower than the next ones."]);
    await update(`Loaded in ${Math.round(performance.now() - start)} ms. `);
  } catch (error) {
    element("status").className = "error";
    element("status").textContent = `${error.message}\nThe model belongs into the folder “model” beside this page: m2v export MODEL model`;
  }
}

async function update(before = "") {
  if (!embed) return;
  const start = performance.now();
  const vectors = await embed(texts.map((text) => text.value));
  const time = performance.now() - start;
  // The vectors have length 1, or 0 for a text without known words.
  const similarity = vectors[0].reduce((sum, x, i) => sum + x * vectors[1][i], 0);
  element("similarity").value = similarity.toFixed(3);
  element("fill").style.width = `${100 * Math.max(0, similarity)}%`;
  vectors.forEach((vector, i) => draw(element(`${texts[i].id}-vector`), vector));
  // Clocks of browsers are coarse.
  const spent = time < 0.1 ? "less than 0.1 ms" : `${time.toFixed(1)} ms`;
  element("status").textContent = `${before}Both texts embedded in ${spent}, ${vectors[0].length} numbers each.`;
}

/** A stripe of colours: blue below zero, orange above. */
function draw(canvas, vector) {
  const paper = matchMedia("(prefers-color-scheme: dark)").matches ? "#1b222c" : "#ffffff";
  canvas.width = vector.length;
  const context = canvas.getContext("2d");
  const largest = Math.max(1e-9, ...vector.map(Math.abs));
  vector.forEach((x, i) => {
    const strength = Math.round((100 * Math.abs(x)) / largest);
    context.fillStyle = `color-mix(in srgb, ${x < 0 ? "#2f81f7" : "#f0883e"} ${strength}%, ${paper})`;
    context.fillRect(i, 0, 1, 1);
  });
}

texts.forEach((text) => text.addEventListener("input", () => update()));
element("graph").addEventListener("change", reload);
await reload();
