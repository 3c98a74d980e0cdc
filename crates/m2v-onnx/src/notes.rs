//! What a graph says about its model, for people and catalogues: `metadata_props`.

use m2v_core::Checkpoint;

use crate::graph::GraphBuilder;

/// Adds what the card and the configuration say.
pub(crate) fn add(graph: &mut GraphBuilder, checkpoint: &Checkpoint) {
    for key in ["base_model", "license"] {
        let values = checkpoint.card.as_ref().map(|card| card.values(key)).unwrap_or_default();
        if !values.is_empty() {
            graph.note(key, values.join(", "));
        }
    }
    graph.note("normalize", checkpoint.config.normalize().unwrap_or(false).to_string());
}
