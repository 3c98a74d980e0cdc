//! What can go wrong when a model is exported.

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong when a model is exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data of the model is wrong, or a file could not be written.
    #[error(transparent)]
    Data(#[from] m2v_core::Error),
    /// The tokenizer is wrong.
    #[error(transparent)]
    Tokenize(#[from] m2v_tokenize::Error),
    /// The table does not cover the tokenizer's ids.
    #[error("the table covers {covered} ids, but tokenizer.json has ids up to {max_id}")]
    Ids {
        /// Ids the table covers.
        covered: usize,
        /// The tokenizer's largest id.
        max_id: u32,
    },
    /// The graph's file would take the place of another file of the folder.
    #[error(
        "graph: expected a name of its own, such as onnx/model.onnx, found `{name}`, a file of the model"
    )]
    GraphName {
        /// The name.
        name: String,
    },
    /// The table was made for another tokenizer.
    #[error(
        "the table has {rows} rows, but tokenizer.json has {tokens} tokens; without a mapping there must be one row for \
         each token"
    )]
    Rows {
        /// Rows of the table.
        rows: usize,
        /// Distinct tokens of the tokenizer, added tokens included.
        tokens: usize,
    },
    /// The graph would be larger than protobuf readers accept, even without its tensors.
    #[error("{file}: {bytes} bytes without its tensors, but protobuf messages end at 2 GiB")]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Bytes it would have.
        bytes: u64,
    },
    /// A value was used in a graph that it does not belong to.
    #[error("{op}: an input is a value of another graph")]
    ForeignValue {
        /// The operator or output it was given to.
        op: String,
    },
    /// A name in a graph is taken, or empty.
    #[error("the name `{name}` is empty or taken in the graph; choose another")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// What an operator gives is not known.
    #[error("{op}: not known to GraphBuilder::node; GraphBuilder::node_as takes any operator of opset 18")]
    Operator {
        /// The operator.
        op: String,
    },
    /// Inputs or attributes an operator does not take.
    #[error("{op}: expected {expected}, found {found}")]
    Operands {
        /// The operator.
        op: String,
        /// What it takes.
        expected: &'static str,
        /// Names, types and shapes of what it was given.
        found: String,
    },
    /// An output is not what it was announced as.
    #[error("output `{name}`: expected {expected}, found {found}")]
    Output {
        /// Name of the output.
        name: String,
        /// Type and shape it should have.
        expected: String,
        /// Type and shape it has.
        found: String,
    },
    /// A [`Lower`](crate::Lower) of another crate failed.
    #[error("lower: {0}")]
    Lower(#[source] Box<dyn std::error::Error + Send + Sync>),
}
