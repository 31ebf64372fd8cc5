//! Writing the index: one writer in all processes, changes in batches, a cursor with every commit.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use tantivy::indexer::{IndexWriterOptions, MergeCandidate};
use tantivy::merge_policy::{LogMergePolicy, MergePolicy, NoMergePolicy};
use tantivy::{IndexWriter, Searcher, SegmentMeta, SegmentReader, Term};
use uuid::Uuid;

use crate::error::Result;
use crate::id::{AccountId, ConversationId};
use crate::search::fault;
use crate::search::folder::Live;
use crate::search::index::{Payload, Shared};
use crate::search::layout::{Document, Key, VERSION};

/// One thing to do to the index.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds the document, in place of an earlier one with its id.
    Put(Document),
    /// Takes out the message or summary.
    Delete(Uuid),
    DeleteConversation(AccountId, ConversationId),
    DeleteAccount(AccountId),
}

/// Memory for what waits to be written to disk, in bytes.
const BUDGET: usize = 15_000_000;

fn options() -> IndexWriterOptions {
    IndexWriterOptions::builder()
        .num_worker_threads(1)
        .memory_budget_per_thread(BUDGET)
        .num_merge_threads(1)
        .build()
}

/// When segments are merged. Each new message replaces its neighbours, so small segments are half deleted
/// as soon as they are written; merging for that alone would cost more than everything else. A large one that
/// is deleted in good part is rewritten by itself.
#[derive(Debug)]
struct Merging(LogMergePolicy);

/// Segments of fewer documents are small: they are merged as soon as there are eight.
const SMALL: u32 = 2_000;
/// A larger segment is rewritten when more than this share of it is deleted.
const MOST_DELETED: f32 = 0.3;

impl Merging {
    fn new() -> Self {
        let mut by_size = LogMergePolicy::default();
        by_size.set_min_layer_size(SMALL);
        Self(by_size)
    }
}

impl MergePolicy for Merging {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let mut candidates = self.0.compute_merge_candidates(segments);
        for segment in segments.iter().filter(|segment| segment.num_docs() >= SMALL) {
            let is_taken = candidates.iter().any(|candidate| candidate.0.contains(&segment.id()));
            let deleted = segment.num_deleted_docs() as f32 / segment.max_doc() as f32;
            if deleted > MOST_DELETED && !is_taken {
                candidates.push(MergeCandidate(vec![segment.id()]));
            }
        }
        candidates
    }
}

/// The one writer. It blocks (a commit takes some 30 ms): keep it on a thread of its own. Dropping it frees
/// the index for another process, without what was not committed.
///
/// After an error nothing since the last commit is kept: go on from [`Writer::checkpoint`].
///
/// To rebuild: [`Writer::clear`], put everything, commit. Until the first commit searches see the old index,
/// even where its files are gone (unless a search found it broken), so one commit at the end swaps old for new, and
/// commits on the way let an empty index fill visibly. While it is filled, a cursor that says so makes a restart go on.
pub struct Writer {
    shared: Arc<Shared>,
    /// Held for its lock alone.
    _lock: File,
    inner: Option<IndexWriter>,
    /// Whether anything waits for a commit.
    dirty: bool,
    /// Set between a clear and the commit after it.
    cleared: bool,
    committed: Option<String>,
    /// The index that takes the place of one whose files are lost, with the next commit.
    next: Option<Live>,
    /// The documents that wait for the commit.
    put: HashSet<Uuid>,
    /// The last commit, once it was looked at.
    view: Option<Searcher>,
}

impl Writer {
    pub(in crate::search) fn new(shared: Arc<Shared>, lock: File) -> Self {
        let committed = shared.checkpoint();
        Self {
            shared,
            _lock: lock,
            inner: None,
            dirty: false,
            cleared: false,
            committed,
            next: None,
            put: HashSet::new(),
            view: None,
        }
    }

    /// The cursor of the last commit; `None` where the index must be built from nothing: it is new, was
    /// broken, or is being cleared.
    pub fn checkpoint(&self) -> Option<String> {
        if self.cleared || !self.shared.is_sound() { None } else { self.committed.clone() }
    }

    /// Takes in `changes`, in order. Searches see them after the next commit.
    ///
    /// # Errors
    /// `Unavailable`: the disk is full or the files are broken (then [`Writer::checkpoint`] is `None`).
    pub fn apply(&mut self, changes: Vec<Change>) -> Result<()> {
        let result = self.try_apply(changes);
        self.settle(result)
    }

    fn try_apply(&mut self, changes: Vec<Change>) -> Result<()> {
        let fields = self.shared.fields;
        for change in changes {
            self.dirty = true;
            match change {
                Change::Put(document) => {
                    let term = fields.id_term(document.id);
                    // Deleting what is not there is right as well, but a kilobyte each until the commit.
                    if self.may_hold(document.id, &term) {
                        self.inner()?.delete_term(term);
                    }
                    let document = fields.document(&document);
                    let added = self.inner()?.add_document(document);
                    added.map_err(|error| self.shared.fault(error))?;
                }
                Change::Delete(id) => _ = self.inner()?.delete_term(fields.id_term(id)),
                Change::DeleteConversation(account, conversation) => {
                    let key = Key::Conversation(account, conversation);
                    self.inner()?.delete_term(fields.key_term(key));
                }
                Change::DeleteAccount(account) => {
                    self.inner()?.delete_term(fields.key_term(Key::Account(account)));
                }
            }
        }
        Ok(())
    }

    /// Whether the index has a document of this id, committed or not.
    fn may_hold(&mut self, id: Uuid, term: &Term) -> bool {
        if !self.put.insert(id) {
            return true;
        }
        if self.cleared {
            return false;
        }
        if self.view.is_none() {
            self.view = self.shared.live().map(|live| live.searcher());
        }
        self.view.as_ref().is_none_or(|view| !matches!(view.doc_freq(term), Ok(0)))
    }

    /// Makes all that was applied durable and visible, together with `cursor`. Does nothing where nothing
    /// was applied and the cursor is the last one.
    ///
    /// # Errors
    /// As [`Writer::apply`].
    pub fn commit(&mut self, cursor: &str) -> Result<()> {
        if !self.dirty && !self.cleared && self.committed.as_deref() == Some(cursor) {
            return Ok(());
        }
        let result = self.try_commit(cursor);
        self.settle(result)
    }

    /// The only place that commits: a commit without a payload would lose the cursor.
    fn try_commit(&mut self, cursor: &str) -> Result<()> {
        let payload = Payload { version: VERSION, cursor: cursor.to_owned() };
        let payload = serde_json::to_string(&payload).map_err(crate::error::Error::internal)?;
        let shared = Arc::clone(&self.shared);
        let mut prepared = self.inner()?.prepare_commit().map_err(|error| shared.fault(error))?;
        prepared.set_payload(&payload);
        prepared.commit().map_err(|error| shared.fault(error))?;
        if let Some(next) = self.next.take() {
            next.reader.reload().map_err(|error| shared.fault(error))?;
            shared.set_live(next);
        }
        self.forget();
        self.committed = Some(cursor.to_owned());
        shared.reload()
    }

    /// Shows searches what was merged since the last commit (fewer segments are searched faster) and deletes the files
    /// that this replaced. Costs next to nothing where nothing was merged. Call it while nothing waits for a commit.
    ///
    /// # Errors
    /// As [`Writer::apply`].
    pub fn renew(&mut self) -> Result<()> {
        if !self.shared.is_old() {
            return Ok(());
        }
        let result = self.try_renew();
        self.settle(result)
    }

    fn try_renew(&mut self) -> Result<()> {
        self.view = None;
        self.shared.reload()?;
        if let Some(inner) = &self.inner {
            inner.garbage_collect_files().wait().map_err(|error| self.shared.fault(error))?;
        }
        Ok(())
    }

    /// Rewrites every file that still holds something of the documents `ids` in a version that was replaced
    /// or taken out: until then it is only marked as gone. Takes as long as copying the segments that they
    /// ever stood in. Call it after a commit.
    ///
    /// # Errors
    /// As [`Writer::apply`].
    pub fn purge(&mut self, ids: &HashSet<Uuid>) -> Result<()> {
        let result = self.try_purge(ids);
        self.settle(result)
    }

    fn try_purge(&mut self, ids: &HashSet<Uuid>) -> Result<()> {
        // Segments that are being merged cannot be taken, so that comes to its end first.
        let shared = Arc::clone(&self.shared);
        let fault = |error| shared.fault(error);
        if let Some(inner) = self.inner.take() {
            inner.wait_merging_threads().map_err(fault)?;
        }
        let inner = self.inner()?;
        inner.set_merge_policy(Box::new(NoMergePolicy));
        let Some(live) = self.shared.live() else { return Err(fault::damaged()) };
        let mut rewritten = Vec::new();
        for segment in live.searcher().segment_readers() {
            if segment.has_deletes() && self.ever_held(segment, ids).map_err(fault)? {
                rewritten.push(segment.segment_id());
            }
        }
        drop(live);
        let inner = self.inner()?;
        for segment in rewritten {
            inner.merge(&[segment]).wait().map_err(fault)?;
        }
        inner.set_merge_policy(Box::new(Merging::new()));
        self.shared.reload()?;
        self.inner()?.garbage_collect_files().wait().map_err(fault)?;
        Ok(())
    }

    /// Whether the segment has one of the documents, taken out or not: its list of terms forgets nothing.
    fn ever_held(&self, segment: &SegmentReader, ids: &HashSet<Uuid>) -> tantivy::Result<bool> {
        let fields = self.shared.fields;
        let terms = segment.inverted_index(fields.id_field())?;
        for id in ids {
            if terms.get_term_info(&fields.id_term(*id))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Empties the index, as part of the next commit. The files of a broken one are deleted at once. Changes that were
    /// applied and not committed are dropped.
    ///
    /// # Errors
    /// `Unavailable` when the files cannot be replaced.
    pub fn clear(&mut self) -> Result<()> {
        self.forget();
        if self.shared.is_sound() {
            let deleted = self.inner()?.delete_all_documents();
            deleted.map_err(|error| self.shared.fault(error))?;
        } else {
            self.inner = None;
            self.committed = None;
            let made = self.shared.make_anew()?;
            match self.shared.is_damaged() {
                true => self.shared.set_live(made),
                false => self.next = Some(made),
            }
        }
        self.cleared = true;
        self.dirty = true;
        Ok(())
    }

    /// The writer of tantivy, begun at first use and after an error.
    fn inner(&mut self) -> Result<&mut IndexWriter> {
        if self.inner.is_none() {
            let live = match &self.next {
                Some(next) => next.clone(),
                None => self.current()?,
            };
            let writer =
                live.index.writer_with_options(options()).map_err(|error| self.shared.fault(error))?;
            writer.set_merge_policy(Box::new(Merging::new()));
            self.inner = Some(writer);
        }
        self.inner.as_mut().ok_or_else(fault::damaged)
    }

    /// The index that searches see, as it stands on the disk.
    fn current(&self) -> Result<Live> {
        if !self.shared.is_sound() {
            return Err(fault::damaged());
        }
        // A failed commit may have come through after all; what is replaced must be known.
        self.shared.reload()?;
        self.shared.live().ok_or_else(fault::damaged)
    }

    /// After a failure the writer of tantivy is of no use; what it held is given up.
    fn settle(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            self.inner = None;
            self.forget();
            self.committed = self.shared.checkpoint();
        }
        result
    }

    /// Nothing waits for a commit any more.
    fn forget(&mut self) {
        self.dirty = false;
        self.cleared = false;
        self.next = None;
        self.put = HashSet::new();
        self.view = None;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.inner = None;
        self.shared.stop_writing();
    }
}
