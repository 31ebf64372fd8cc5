//! What happens around an execution: it is marked as begun, and its answer gets the shape that was asked for.
//! What failed before it began has no data; the library does not tell the two apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::Response;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::parser::types::OperationType;
use async_trait::async_trait;

use crate::graphql::transport::shape::Shape;

/// The schema extension that does both.
pub(in crate::graphql) struct Phases;

impl ExtensionFactory for Phases {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Phases {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(started) = context.data_opt::<Started>() {
            started.0.store(true, Ordering::Relaxed);
        }
        let mut response = next.run(context, operation).await;
        if let Some(asked) = context.data_opt::<Asked>() {
            let registry = &context.schema_env.registry;
            let root = match asked.kind {
                OperationType::Query => Some(&registry.query_type),
                OperationType::Mutation => registry.mutation_type.as_ref(),
                OperationType::Subscription => registry.subscription_type.as_ref(),
            };
            if let Some(root) = root {
                asked.shape.complete(&mut response, registry, root);
            }
        }
        response
    }
}

/// What was asked for.
pub(super) struct Asked {
    pub(super) kind: OperationType,
    pub(super) shape: Shape,
}

/// Whether execution of one request began.
#[derive(Debug, Clone, Default)]
pub(super) struct Started(Arc<AtomicBool>);

impl Started {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
