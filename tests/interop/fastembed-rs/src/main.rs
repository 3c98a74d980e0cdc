//! The crate fastembed, with a folder of `m2v export` as a model of one's own.
//!
//! ```sh
//! ORT_DYLIB_PATH=…/libonnxruntime.so fastembed-rs EXPORTED WORK
//! ```
//!
//! EXPORTED and WORK, and what is printed, are as in `../python/client.py`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::json;

// docs: fastembed-rs
use fastembed::{InitOptionsUserDefined, OutputKey, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};

fn load(folder: &Path, graph: &str) -> Result<TextEmbedding, Box<dyn Error>> {
    let read = |name: &str| fs::read(folder.join(name));
    let tokenizer = TokenizerFiles {
        tokenizer_file: read("tokenizer.json")?,
        config_file: read("config.json")?,
        special_tokens_map_file: read("special_tokens_map.json")?,
        tokenizer_config_file: read("tokenizer_config.json")?,
    };
    let mut model = UserDefinedEmbeddingModel::new(read(graph)?, tokenizer);
    model.output_key = Some(OutputKey::ByName("sentence_embedding"));
    Ok(TextEmbedding::try_new_from_user_defined(model, InitOptionsUserDefined::new())?)
}
// docs: end

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<PathBuf> = env::args().skip(1).map(PathBuf::from).collect();
    let [exported, work] = args.as_slice() else { return Err("expected EXPORTED WORK".into()) };
    let texts: Vec<String> = serde_json::from_slice(&fs::read(work.join("texts.json"))?)?;
    let out = work.join("out");
    fs::create_dir_all(&out)?;
    for graph in ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"] {
        let mut line = json!({
            "version": version(), "case": "UserDefinedEmbeddingModel", "file": graph, "truth": "texts", "apart": null,
        });
        match embed(&exported.join("model"), graph, &texts) {
            Ok(vectors) => {
                let name = format!("fastembed-rs {graph}.f32").replace('/', "-");
                let bytes: Vec<u8> = vectors.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
                fs::write(out.join(&name), bytes)?;
                line["vectors"] = name.into();
                line["shape"] = json!([vectors.len(), vectors.first().map_or(0, Vec::len)]);
            }
            // What a client cannot do is an answer too.
            Err(error) => line["error"] = error.to_string().into(),
        }
        println!("{line}");
    }
    Ok(())
}

fn embed(folder: &Path, graph: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    Ok(load(folder, graph)?.embed(texts, Some(64))?)
}

/// The version this was built with.
fn version() -> Option<&'static str> {
    let (_, after) = include_str!("../Cargo.lock").split_once("name = \"fastembed\"\nversion = \"")?;
    after.split_once('"').map(|(version, _)| version)
}
