//! The shape of the answer that an operation asks for, and making the answer have it.
//!
//! The library leaves a field out where it failed, and orders fields by when they were done. The
//! specification says otherwise: a failed field is null, a failure of one that cannot be null makes its
//! parent null, and fields stand as they were asked for.

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::registry::{MetaTypeName, Registry};
use async_graphql::{Name, PathSegment, Response, Value};

/// The fields of an object, with every fragment written out.
#[derive(Debug, Default)]
pub(super) struct Shape {
    fields: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    /// Under which it stands in the answer.
    key: Name,
    name: Name,
    /// The type that its fragment is for, where it stands in one.
    on: Option<Name>,
    within: Shape,
}

impl Shape {
    /// The shape of an operation. The document must have been weighed: every spread is written out.
    pub(super) fn of(document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut shape = Self::default();
        shape.collect(document, &operation.selection_set.node, None);
        shape
    }

    /// The names of the fields at the top.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|wanted| wanted.name.as_str())
    }

    /// How many fields stand at the top.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    fn collect(&mut self, document: &ExecutableDocument, set: &SelectionSet, on: Option<&Name>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    let index = self.position(key, 0).unwrap_or_else(|| {
                        let (name, within) = (field.node.name.node.clone(), Self::default());
                        self.fields.push(Wanted { key: key.clone(), name, on: on.cloned(), within });
                        self.fields.len() - 1
                    });
                    self.fields[index].within.collect(document, &field.node.selection_set.node, None);
                }
                Selection::InlineFragment(inline) => {
                    let condition =
                        inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.collect(document, &inline.node.selection_set.node, condition.or(on));
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        let condition = &fragment.node.type_condition.node.on.node;
                        self.collect(document, &fragment.node.selection_set.node, Some(condition));
                    }
                }
            }
        }
    }

    /// Where the field of that key stands; `hint` is looked at first.
    fn position(&self, key: &str, hint: usize) -> Option<usize> {
        if self.fields.get(hint).is_some_and(|wanted| wanted.key == key) {
            return Some(hint);
        }
        self.fields.iter().position(|wanted| wanted.key == key)
    }

    /// Gives `response` this shape. `root` is the name of the operation's root type.
    pub(super) fn complete(&self, response: &mut Response, registry: &Registry, root: &str) {
        let mut holes: Vec<&[PathSegment]> = response
            .errors
            .iter()
            .filter(|error| !error.path.is_empty())
            .map(|error| &error.path[..self.hole(&error.path, registry, root)])
            .collect();
        // The outer ones last: what is null has nothing in it.
        holes.sort_by_key(|hole| std::cmp::Reverse(hole.len()));
        for hole in holes {
            empty(&mut response.data, hole);
        }
        self.order(&mut response.data);
    }

    /// How much of the path of an error leads to what is null because of it; nothing of it means all data.
    fn hole(&self, path: &[PathSegment], registry: &Registry, root: &str) -> usize {
        let mut shape = self;
        let mut found = root;
        let mut nullable = 0;
        for (index, segment) in path.iter().enumerate() {
            match segment {
                PathSegment::Field(key) => {
                    let Some(wanted) = shape.position(key, 0).map(|at| &shape.fields[at]) else {
                        return index + 1;
                    };
                    let owner = wanted.on.as_deref().unwrap_or(MetaTypeName::concrete_typename(found));
                    let field = registry.types.get(owner).and_then(|owner| owner.field_by_name(&wanted.name));
                    let Some(field) = field else { return index + 1 };
                    (shape, found) = (&wanted.within, &field.ty);
                }
                PathSegment::Index(_) => {
                    found = match MetaTypeName::create(found).unwrap_non_null() {
                        MetaTypeName::List(item) => item,
                        _ => return index + 1,
                    };
                }
            }
            if !found.ends_with('!') {
                nullable = index + 1;
            }
        }
        nullable
    }

    fn order(&self, value: &mut Value) {
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.order(item)),
            Value::Object(fields) if !self.fields.is_empty() => {
                let mut last = 0;
                let mut ordered = true;
                for (index, (key, value)) in fields.iter_mut().enumerate() {
                    let Some(position) = self.position(key, index) else { continue };
                    self.fields[position].within.order(value);
                    ordered &= position >= last;
                    last = position;
                }
                if !ordered {
                    let place = |key: &Name| self.position(key, usize::MAX);
                    fields.sort_by(|one, _, other, _| place(one).cmp(&place(other)));
                }
            }
            _ => {}
        }
    }
}

/// Makes null what stands at `path`; what the library left out on the way is made.
fn empty(data: &mut Value, path: &[PathSegment]) {
    let mut place = data;
    for segment in path {
        if *place == Value::Null && matches!(segment, PathSegment::Field(_)) {
            *place = Value::Object(Default::default());
        }
        let next = match (segment, place) {
            (PathSegment::Field(key), Value::Object(fields)) => {
                Some(fields.entry(Name::new(key)).or_insert(Value::Null))
            }
            (PathSegment::Index(index), Value::List(items)) => items.get_mut(*index),
            _ => None,
        };
        match next {
            Some(next) => place = next,
            None => return,
        }
    }
    *place = Value::Null;
}
