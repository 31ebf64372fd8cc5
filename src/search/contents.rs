//! All that the index holds, to be compared with what it should.

use std::collections::HashMap;

use tantivy::columnar::Column;
use uuid::Uuid;

use crate::error::Result;
use crate::search::index::Index;
use crate::search::layout::column;

impl Index {
    /// Every document that can be found, with its fingerprint ([`Document::print`]). Some 24 bytes of memory
    /// each.
    ///
    /// # Errors
    /// `Unavailable` when the index is broken.
    pub fn prints(&self) -> Result<HashMap<Uuid, u64>> {
        self.shared.guarded(|searcher| {
            let mut prints = HashMap::with_capacity(usize::try_from(searcher.num_docs()).unwrap_or_default());
            for segment in searcher.segment_readers() {
                let columns = segment.fast_fields();
                let (high, low) = (columns.u64(column::ID_HIGH)?, columns.u64(column::ID_LOW)?);
                let print = columns.u64(column::PRINT)?;
                for doc in segment.doc_ids_alive() {
                    let value = |of: &Column<u64>| of.first(doc).unwrap_or_default();
                    prints.insert(Uuid::from_u64_pair(value(&high), value(&low)), value(&print));
                }
            }
            Ok(prints)
        })
    }
}
