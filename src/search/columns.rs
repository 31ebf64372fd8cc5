//! What is read back of a document, by column: opened once per segment, as opening costs more than reading.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tantivy::columnar::{BytesColumn, Column};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentId;
use tantivy::{DocId, Searcher, SegmentReader};
use uuid::Uuid;

use crate::id::ConversationId;
use crate::search::layout::{Fields, Kind, TEXTS, column};

/// The columns of one segment.
pub(in crate::search) struct Columns {
    id_high: Column<u64>,
    id_low: Column<u64>,
    /// Of each document: read for every one that holds a word of the question.
    kinds: Box<[Kind]>,
    /// What is no message, ascending: a few among many.
    beside: Box<[DocId]>,
    ordinal: Column<i64>,
    at: Column<i64>,
    conversation: BytesColumn,
    speaker: BytesColumn,
    /// The lengths of the texts.
    pub(in crate::search) norms: [FieldNormReader; TEXTS],
}

/// The columns of the segments that were searched lately.
#[derive(Default)]
pub(in crate::search) struct OpenColumns(Mutex<HashMap<SegmentId, Arc<Columns>>>);

impl OpenColumns {
    /// The columns of each segment, in order.
    pub(in crate::search) fn of(
        &self,
        searcher: &Searcher,
        fields: &Fields,
    ) -> tantivy::Result<Vec<Arc<Columns>>> {
        let segments = searcher.segment_readers();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut columns = Vec::with_capacity(segments.len());
        for segment in segments {
            columns.push(match known.get(&segment.segment_id()) {
                Some(columns) => Arc::clone(columns),
                None => Arc::new(Columns::open(segment, fields)?),
            });
        }
        *known = segments.iter().map(SegmentReader::segment_id).zip(columns.iter().cloned()).collect();
        Ok(columns)
    }
}

impl Columns {
    fn open(segment: &SegmentReader, fields: &Fields) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        let bytes = |name| {
            columns.bytes(name).map(|found| found.unwrap_or_else(|| BytesColumn::empty(segment.max_doc())))
        };
        let norms = |field: usize| segment.get_fieldnorms_reader(fields.texts[field]);
        let kinds = kinds(&columns.u64(column::FLAGS)?, segment.max_doc());
        Ok(Self {
            id_high: columns.u64(column::ID_HIGH)?,
            id_low: columns.u64(column::ID_LOW)?,
            beside: (0..)
                .zip(&kinds)
                .filter(|(_, kind)| **kind != Kind::Message)
                .map(|(doc, _)| doc)
                .collect(),
            kinds,
            ordinal: columns.i64(column::ORDINAL)?,
            at: columns.i64(column::AT)?,
            conversation: bytes(column::CONVERSATION)?,
            speaker: bytes(column::SPEAKER)?,
            norms: [norms(0)?, norms(1)?, norms(2)?],
        })
    }

    pub(in crate::search) fn id(&self, doc: DocId) -> Uuid {
        Uuid::from_u64_pair(self.id_high.first(doc).unwrap_or(0), self.id_low.first(doc).unwrap_or(0))
    }

    pub(in crate::search) fn kind(&self, doc: DocId) -> Kind {
        self.kinds[doc as usize]
    }

    /// What is no message among `stretch`, ascending.
    pub(in crate::search) fn beside_messages(&self, stretch: &Range<DocId>) -> &[DocId] {
        let at = |doc: DocId| self.beside.partition_point(|other| *other < doc);
        &self.beside[at(stretch.start)..at(stretch.end)]
    }

    pub(in crate::search) fn ordinal(&self, doc: DocId) -> i64 {
        self.ordinal.first(doc).unwrap_or(0)
    }

    /// When it was said, to the millisecond.
    pub(in crate::search) fn at(&self, doc: DocId) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.at.first(doc).unwrap_or(0)).unwrap_or_default()
    }

    /// The number by which this segment knows the conversation, for [`Columns::is_of`].
    pub(in crate::search) fn number_of(&self, conversation: ConversationId) -> io::Result<Option<u64>> {
        self.conversation.dictionary().term_ord(conversation.0.as_bytes())
    }

    pub(in crate::search) fn is_of(&self, doc: DocId, conversation: u64) -> bool {
        self.conversation.ords().first(doc) == Some(conversation)
    }

    /// The numbers by which this segment knows those of the folded `names` that said something in it.
    pub(in crate::search) fn speakers(&self, names: &[String]) -> io::Result<Vec<u64>> {
        let numbers = names.iter().map(|name| self.speaker.dictionary().term_ord(name.as_bytes()));
        numbers.filter_map(io::Result::transpose).collect()
    }

    pub(in crate::search) fn is_said_by(&self, doc: DocId, speakers: &[u64]) -> bool {
        !speakers.is_empty()
            && self.speaker.ords().first(doc).is_some_and(|number| speakers.contains(&number))
    }
}

fn kinds(flags: &Column<u64>, documents: DocId) -> Box<[Kind]> {
    (0..documents).map(|doc| Kind::of_flags(flags.first(doc).unwrap_or(0))).collect()
}
