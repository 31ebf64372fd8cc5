//! The weight of a document: every fragment is weighed once, wherever and however often it is spread.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, Value, Variables};

use crate::graphql::transport::faults::{Code, Refusal};
use crate::graphql::transport::guard::Limits;

/// What a part of a document asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    /// Fields and spreads.
    cost: u32,
    /// Objects that may be loaded.
    nodes: u32,
    /// Values of the schema itself that may be told, in introspection.
    told: u32,
    /// Fields within each other.
    depth: u32,
    /// Lists of the schema within each other, in introspection.
    lists: u32,
    aliases: u32,
    /// Fields at the top of this part.
    fields: u32,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.cost = self.cost.saturating_add(other.cost);
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.told = self.told.saturating_add(other.told);
        self.depth = self.depth.max(other.depth);
        self.lists = self.lists.max(other.lists);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.fields = self.fields.saturating_add(other.fields);
    }
}

/// How many things a list of the schema holds on average, roughly; `None` for what is no such list.
fn listed(field: &str) -> Option<u32> {
    match field {
        "types" => Some(200),
        "fields" | "directives" => Some(6),
        "inputFields" | "enumValues" => Some(4),
        "possibleTypes" | "interfaces" | "args" => Some(1),
        _ => None,
    }
}

/// Weighs one document.
pub(super) struct Scales<'a> {
    document: &'a ExecutableDocument,
    /// The operation that will be executed; the defaults of its variables count.
    chosen: &'a OperationDefinition,
    variables: &'a Variables,
    limits: &'a Limits,
    /// By whether it stands within introspection, and its name. `None` while a fragment is being weighed:
    /// meeting it again is a cycle.
    fragments: HashMap<(bool, &'a str), Option<Weight>>,
    /// Whether what is being weighed stands below `__schema` or `__type`. It may be deeper: it loads nothing.
    introspecting: bool,
    directives: u32,
    looked_at: u32,
}

impl<'a> Scales<'a> {
    pub(super) fn new(
        document: &'a ExecutableDocument,
        chosen: &'a OperationDefinition,
        variables: &'a Variables,
        limits: &'a Limits,
    ) -> Self {
        let fragments = HashMap::with_capacity(document.fragments.len());
        Self {
            document,
            chosen,
            variables,
            limits,
            fragments,
            introspecting: false,
            directives: 0,
            looked_at: 0,
        }
    }

    /// Checks every operation and every fragment, those that nothing uses too: validation visits all.
    pub(super) fn weigh_all(&mut self) -> Result<(), Refusal> {
        for (_, operation) in self.document.operations.iter() {
            self.count_directives(&operation.node.directives)?;
            let weight = self.set(&operation.node.selection_set)?;
            self.check("root fields", weight.fields, self.limits.root_fields)?;
        }
        for name in self.document.fragments.keys() {
            self.fragment(name, Pos::default())?;
        }
        Ok(())
    }

    /// How many fields and spreads were looked at: the work that weighing took.
    pub(super) fn looked_at(&self) -> u32 {
        self.looked_at
    }

    fn set(&mut self, set: &'a Positioned<SelectionSet>) -> Result<Weight, Refusal> {
        let mut sum = Weight::default();
        for selection in &set.node.items {
            self.looked_at = self.looked_at.saturating_add(1);
            self.count_directives(selection.node.directives())?;
            let weight = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set)?,
                Selection::FragmentSpread(spread) => {
                    let mut weight = self.fragment(&spread.node.fragment_name.node, spread.pos)?;
                    // Even an empty fragment is work wherever it is spread.
                    weight.cost = weight.cost.saturating_add(1);
                    weight
                }
            };
            sum.add(weight);
            self.check(
                "fields, with every fragment counted wherever it is spread,",
                sum.cost,
                self.limits.cost,
            )?;
            self.check("objects to load", sum.nodes, self.limits.nodes)?;
            self.check("aliases", sum.aliases, self.limits.aliases)?;
            let depth = if self.introspecting { self.limits.introspection_depth } else { self.limits.depth };
            self.check("levels of fields", sum.depth, depth)?;
            self.check("values of the schema", sum.told, self.limits.introspection_values)?;
            self.check("levels of lists of the schema", sum.lists, self.limits.introspection_lists)?;
        }
        Ok(sum)
    }

    fn field(&mut self, field: &'a Field) -> Result<Weight, Refusal> {
        let outside = self.introspecting;
        self.introspecting |= field.name.node.starts_with("__");
        let within = self.set(&field.selection_set)?;
        let entered = self.introspecting && !outside;
        self.introspecting = outside;
        let listed = if self.introspecting { listed(&field.name.node) } else { None };
        let times = if self.introspecting { 1 } else { self.times(field) };
        let told = u32::from(self.introspecting || entered);
        Ok(Weight {
            cost: within.cost.saturating_add(1),
            nodes: within.nodes.saturating_mul(times).saturating_add(1),
            told: within.told.saturating_mul(listed.unwrap_or(1)).saturating_add(told),
            depth: if entered { 1 } else { within.depth + 1 },
            lists: within.lists + u32::from(listed.is_some()),
            aliases: within.aliases.saturating_add(u32::from(field.alias.is_some())),
            fields: 1,
        })
    }

    fn fragment(&mut self, name: &'a Name, at: Pos) -> Result<Weight, Refusal> {
        let key = (self.introspecting, name.as_str());
        match self.fragments.get(&key) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = format!("the fragment `{name}` spreads itself");
                return Err(Refusal::of_document(Code::ValidationFailed, message, Some(at)));
            }
            None => {}
        }
        // One that is not defined weighs nothing; validation says that it is missing.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Weight::default()) };
        self.fragments.insert(key, None);
        self.count_directives(&fragment.node.directives)?;
        let weight = self.set(&fragment.node.selection_set)?;
        self.fragments.insert(key, Some(weight));
        Ok(weight)
    }

    /// How many objects a list field may return: its `first` or `last`, or the length of its `ids`.
    fn times(&self, field: &Field) -> u32 {
        let lists =
            field.arguments.iter().filter(|(name, _)| matches!(name.node.as_str(), "first" | "last" | "ids"));
        let times = lists.filter_map(|(_, value)| {
            match value.node.clone().into_const_with(|name| self.variable(&name).ok_or(())).ok()? {
                Value::Number(number) => u32::try_from(number.as_i64()?.clamp(0, 100_000)).ok(),
                Value::List(ids) => u32::try_from(ids.len()).ok(),
                _ => None,
            }
        });
        times.max().unwrap_or(1)
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        let definitions = &self.chosen.variable_definitions;
        let default =
            || definitions.iter().find(|found| found.node.name.node == *name)?.node.default_value.clone();
        self.variables.get(name).cloned().or_else(|| default().map(|value| value.node))
    }

    fn count_directives(&mut self, directives: &[Positioned<Directive>]) -> Result<(), Refusal> {
        self.directives = self.directives.saturating_add(u32::try_from(directives.len()).unwrap_or(u32::MAX));
        self.check("directives", self.directives, self.limits.directives)
    }

    fn check(&self, what: &str, found: u32, most: u32) -> Result<(), Refusal> {
        if found <= most {
            return Ok(());
        }
        Err(Refusal::too_complex(format!("the operation asks for more than {most} {what} at once")))
    }
}
