//! Telling things of a long list at once: from the row alone, without a future for every field of every item.
//!
//! The library gives every field a future of its own, which for a page of a thousand things costs more than all
//! else. An item whose fields all stand in its row is told here; any other goes the library's way.

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value};
use futures_util::future::try_join_all;

use crate::graphql::ids::{self, Global};

/// Something that can tell what is asked of it.
pub(super) trait AtOnce {
    /// What `set` asks for; `None` where that needs more than what is at hand.
    fn at_once(&self, asked: &Asked<'_>, set: &SelectionSet) -> Option<Value>;
}

/// What an operation asks for, to be read by whoever tells something at once.
pub(super) struct Asked<'a> {
    context: &'a ContextSelectionSet<'a>,
}

impl Asked<'_> {
    /// An object of the type `name` with the fields of `set`, each as `tell` knows it; `None` where it does not
    /// know one, or the question is too involved.
    pub(super) fn object(
        &self,
        name: &str,
        set: &SelectionSet,
        tell: impl Fn(&Field) -> Option<Value>,
    ) -> Option<Value> {
        let mut fields = Vec::with_capacity(set.items.len());
        self.collect(&mut fields, name, set, &tell)?;
        if fields.is_empty() {
            // As the library tells an object of which nothing is asked.
            return Some(Value::Null);
        }
        let count = fields.len();
        let object = Value::Object(fields.into_iter().collect());
        // Two that were asked for under one name would have to be merged.
        matches!(&object, Value::Object(fields) if fields.len() == count).then_some(object)
    }

    /// The same of something of which only the id is at hand.
    pub(super) fn only_id<T: Global>(&self, name: &str, set: &SelectionSet, id: T) -> Option<Value> {
        self.object(name, set, |field| (field.name.node == "id").then(|| Value::String(ids::write(id).0)))
    }

    fn collect(
        &self,
        fields: &mut Vec<(Name, Value)>,
        name: &str,
        set: &SelectionSet,
        tell: &impl Fn(&Field) -> Option<Value>,
    ) -> Option<()> {
        for selection in &set.items {
            if !selection.node.directives().is_empty() {
                return None;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let value = match field.name.node.as_str() {
                        "__typename" => Value::String(name.to_owned()),
                        _ if !field.arguments.is_empty() => return None,
                        _ => tell(field)?,
                    };
                    fields.push((field.response_key().node.clone(), value));
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| self.is_a(name, &condition.node.on.node)) {
                        self.collect(fields, name, &inline.node.selection_set.node, tell)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragments = &self.context.query_env.fragments;
                    let fragment = &fragments.get(&spread.node.fragment_name.node)?.node;
                    if self.is_a(name, &fragment.type_condition.node.on.node) {
                        self.collect(fields, name, &fragment.selection_set.node, tell)?;
                    }
                }
            }
        }
        Some(())
    }

    /// Whether the type `name` is the type, or has the interface, that a fragment is for.
    fn is_a(&self, name: &str, wanted: &str) -> bool {
        let interfaces = &self.context.schema_env.registry.implements;
        name == wanted || interfaces.get(name).is_some_and(|interfaces| interfaces.contains(wanted))
    }
}

/// A list of which every item that can be is told at once.
pub(super) struct Quickly<T>(pub(super) Vec<T>);

impl<T: OutputType + AtOnce> OutputType for Quickly<T> {
    fn type_name() -> std::borrow::Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let mut told = {
            let asked = Asked { context };
            self.0.iter().map(|item| item.at_once(&asked, &context.item.node)).collect::<Vec<_>>()
        };
        let rest = told.iter().enumerate().filter(|(_, told)| told.is_none());
        let rest = rest.map(|(index, _)| async move {
            let context = context.with_index(index);
            let value = self.0[index].resolve(&context, field).await;
            value.map(|value| (index, value)).map_err(|error| context.set_error_path(error))
        });
        for (index, value) in try_join_all(rest.collect::<Vec<_>>()).await? {
            told[index] = Some(value);
        }
        Ok(Value::List(told.into_iter().map(Option::unwrap_or_default).collect()))
    }
}
