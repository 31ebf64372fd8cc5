//! Bounded work: what a document may ask for, checked before it is validated and executed.
//!
//! The order is from cheap to dear, each step bounded by the ones before it: bytes; tokens and nesting, by a
//! scan without recursion; the parse, which happens once; then the weight of every operation and fragment,
//! each fragment weighed once and all sums saturating.

mod scan;
mod weigh;

use async_graphql::Variables;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Positioned, ServerError, Value};

use crate::graphql::transport::faults::{Code, Refusal, coded};
use crate::graphql::transport::shape::Shape;
use weigh::Scales;

/// How much a document may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The document's length in bytes.
    pub bytes: usize,
    /// Names, values and marks in it.
    pub tokens: usize,
    /// Brackets of any kind within each other.
    pub nesting: usize,
    /// Fields and spreads, with every fragment counted wherever it is spread.
    pub cost: u32,
    /// Objects that may be loaded, by the `first` and `last` of the lists on the way.
    pub nodes: u32,
    /// Fields within each other.
    pub depth: u32,
    /// The same, within introspection, whose standard question is deep.
    pub introspection_depth: u32,
    /// Lists of the schema within each other. What tools ask for has three: types, their fields, the arguments
    /// of those.
    pub introspection_lists: u32,
    /// Values of the schema that may be told, estimated; what tools ask for comes to some 120,000.
    pub introspection_values: u32,
    pub aliases: u32,
    pub root_fields: u32,
    pub directives: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024,
            tokens: 2_000,
            nesting: 60,
            cost: 2_000,
            nodes: 100_000,
            depth: 15,
            introspection_depth: 24,
            introspection_lists: 3,
            introspection_values: 250_000,
            aliases: 30,
            root_fields: 10,
            directives: 20,
        }
    }
}

/// A document within the limits.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) document: ExecutableDocument,
    pub(super) kind: OperationType,
    /// Of the answer.
    pub(super) shape: Shape,
}

/// Parses the document and checks that executing it is bounded work.
pub(super) fn check(
    query: &str,
    operation: Option<&str>,
    variables: &Variables,
    limits: &Limits,
) -> Result<Checked, Refusal> {
    if query.len() > limits.bytes {
        return Err(Refusal::too_complex(format!(
            "the document has {} bytes, and {} are the most; put long values into variables",
            query.len(),
            limits.bytes
        )));
    }
    let scanned = scan::scan(query);
    at_most("tokens", scanned.tokens, limits.tokens)?;
    at_most("levels of brackets", scanned.nesting, limits.nesting)?;

    let document = parse_query(query)
        .map_err(|error| Refusal::of_errors(vec![coded(ServerError::from(error), Code::ParseFailed)]))?;
    let (kind, shape) = {
        let chosen = choose(&document, operation)?;
        let mut scales = Scales::new(&document, &chosen.node, variables, limits);
        scales.weigh_all()?;
        tracing::trace!(looked_at = scales.looked_at(), "weighed a document");
        let shape = Shape::of(&document, &chosen.node);
        if chosen.node.ty == OperationType::Subscription && shape.len() != 1 {
            return Err(Refusal::of_document(
                Code::ValidationFailed,
                "a subscription asks for exactly one field",
                Some(chosen.pos),
            ));
        }
        check_variables(&chosen.node, variables)?;
        (chosen.node.ty, shape)
    };
    Ok(Checked { document, kind, shape })
}

fn at_most(what: &str, found: usize, most: usize) -> Result<(), Refusal> {
    if found <= most {
        return Ok(());
    }
    Err(Refusal::too_complex(format!("the document has {found} {what}, and {most} are the most")))
}

/// The operation that is meant.
fn choose<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, Refusal> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation),
        (DocumentOperations::Multiple(operations), Some(name)) if operations.contains_key(name) => {
            Ok(&operations[name])
        }
        (_, Some(name)) => Err(Refusal::of_document(
            Code::BadUserInput,
            format!("the document has no operation called `{name}`"),
            None,
        )),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(Refusal::of_document(
                    Code::BadUserInput,
                    "the document has several operations: say which with `operationName`",
                    None,
                )),
            }
        }
    }
}

/// Every variable that must have a value has one; the library looks only at those that reach an argument.
fn check_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), Refusal> {
    for definition in &operation.variable_definitions {
        let (name, kind) = (&definition.node.name.node, &definition.node.var_type.node);
        let missing = match variables.get(name) {
            Some(Value::Null) => true,
            Some(_) => false,
            None => definition.node.default_value.is_none(),
        };
        if missing && !kind.nullable {
            return Err(Refusal::of_document(
                Code::BadUserInput,
                format!("the variable `${name}` needs a value of type `{kind}`"),
                Some(definition.pos),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
