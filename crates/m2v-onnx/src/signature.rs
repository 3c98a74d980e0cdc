//! The inputs and outputs of a graph.

/// The inputs and outputs of a graph. Ids and offsets are int64, embeddings f32; axes in `[]` are named as in the
/// graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signature {
    /// What transformers have, for nearly every client: `input_ids` and `attention_mask` (1 for a token, 0 for
    /// padding), `[batch_size, sequence_length]` → `last_hidden_state` `[batch_size, sequence_length, dim]`, the vector
    /// of each token (zeros for the unknown one, that of the padding token for padding), and `sentence_embedding`
    /// `[batch_size, dim]`.
    #[default]
    Transformer,
    /// What model2vec exported before 0.10, without padding: `input_ids` `[num_tokens]`, the ids of all texts one after
    /// the other, and `offsets` `[batch_size]`, where each text begins → `embeddings` `[batch_size, dim]`.
    ///
    /// A text may have no ids, wherever it stands; all may. Ids before the first offset belong to no text. Memory is at
    /// most that of `num_tokens + 64 × batch_size + batch_size × (tokens of the longest text) ÷ 64` vectors: one long
    /// text among short ones does not pad the others to its length.
    Bag,
}
