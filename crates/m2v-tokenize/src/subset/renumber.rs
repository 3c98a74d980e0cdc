//! Ids in the other parts of a `tokenizer.json`.

use std::collections::HashMap;

use serde_json::Value;

/// The new ids of tokens by their old ones.
pub(super) type NewIds = HashMap<u32, u32>;

/// Shows each id in a post-processor: of a template, of `[CLS]` and `[SEP]`, of those in a sequence.
pub(super) fn for_each_id(post_processor: &mut Value, each: &mut dyn FnMut(&mut Value)) {
    match post_processor.get("type").and_then(Value::as_str) {
        Some("Sequence") => {
            let processors = post_processor.get_mut("processors").and_then(Value::as_array_mut);
            processors.into_iter().flatten().for_each(|processor| for_each_id(processor, each));
        }
        Some("TemplateProcessing") => {
            let tokens = post_processor.get_mut("special_tokens").and_then(Value::as_object_mut);
            let tokens = tokens.into_iter().flat_map(|tokens| tokens.values_mut());
            let ids = tokens.filter_map(|token| token.get_mut("ids").and_then(Value::as_array_mut));
            ids.flatten().for_each(each);
        }
        Some("BertProcessing" | "RobertaProcessing") => {
            for key in ["sep", "cls"] {
                if let Some(id) = post_processor.get_mut(key).and_then(|pair| pair.get_mut(1)) {
                    each(id);
                }
            }
        }
        _ => {}
    }
}

/// The id in a field.
pub(super) fn id_of(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// Gives a field its new id. What was no token's id stays: nothing can be said about it.
pub(super) fn renumber(value: &mut Value, ids: &NewIds) {
    if let Some(id) = id_of(value).and_then(|id| ids.get(&id)) {
        *value = (*id).into();
    }
}
