//! Nodes of which a graph runs some or others.

use crate::error::{Error, Result};
use crate::graph::{GraphBuilder, Node};
use crate::value::{ElementType, Value};

/// Nodes that run where the node they belong to says so. They see the values of the graph around them; of theirs, it
/// sees the output alone.
#[derive(Debug)]
pub(crate) struct Branch {
    /// The attribute of the node.
    pub(crate) name: &'static str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) output: usize,
}

impl GraphBuilder {
    /// What `then` makes where `condition`, a bool without axes, holds, else what `otherwise` makes: of one type. No
    /// node outside of the two may take what they made but through the result. Their constants are the graph's.
    pub(crate) fn choose(
        &mut self,
        condition: &Value,
        then: impl FnOnce(&mut Self) -> Result<Value>,
        otherwise: impl FnOnce(&mut Self) -> Result<Value>,
    ) -> Result<Value> {
        let then = self.branch("then_branch", then)?;
        let otherwise = self.branch("else_branch", otherwise)?;
        let (is, other) = (&self.values[then.output].is, &self.values[otherwise.output].is);
        if !other.may_be(is) || self.element(condition) != Some(ElementType::Bool) {
            return Err(Error::Operands {
                op: "If".to_owned(),
                expected: "a bool, and two branches of one type",
                found: format!("{is}, {other}"),
            });
        }
        let (element, axes) = (is.element, is.axes.clone().unwrap_or_default());
        let chosen = self.node_as("If", std::slice::from_ref(condition), &[], element, &axes)?;
        if let Some(node) = self.nodes.last_mut() {
            node.branches = vec![then, otherwise];
        }
        Ok(chosen)
    }

    fn branch(
        &mut self,
        name: &'static str,
        make: impl FnOnce(&mut Self) -> Result<Value>,
    ) -> Result<Branch> {
        let outside = std::mem::take(&mut self.nodes);
        let output = make(self);
        let nodes = std::mem::replace(&mut self.nodes, outside);
        Ok(Branch { name, nodes, output: output?.index })
    }
}
