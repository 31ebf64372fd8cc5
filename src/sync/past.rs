//! A generation as it was: its bots as they were written, ready to be compared or to be active again.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::id::{BotId, RevisionId};
use crate::spec;
use crate::store::{Bot, BotRevision, Generation, Tenant};
use crate::sync::desired::{Desired, Target};
use crate::sync::plan::{Current, CurrentBot};

/// The bots of an older generation, as they were written.
pub(super) struct Past {
    pub(super) generation: Generation,
    protect: Vec<String>,
    moves: Vec<spec::features::Move>,
    pub(super) bots: Vec<(String, BotRevision, Map<String, Value>)>,
}

impl Past {
    pub(super) async fn load(tx: &mut Tenant, source: &str, number: i32) -> Result<Self> {
        let generation = Generation::find(tx, source, number).await?.ok_or_else(|| {
            Error::not_found(format!("`{source}` has no generation {number}: `botwright history` lists them"))
        })?;
        let manifest = generation.manifest.as_object().cloned().unwrap_or_default();
        let names: BTreeMap<RevisionId, String> = manifest
            .into_iter()
            .filter_map(|(name, revision)| Some((revision.as_str()?.parse().ok()?, name)))
            .collect();
        let ids: Vec<RevisionId> = names.keys().copied().collect();
        let mut bots: Vec<(String, BotRevision, Map<String, Value>)> = BotRevision::list_by_ids(tx, &ids)
            .await?
            .into_iter()
            .filter_map(|revision| {
                let overlay = revision.overlay.as_object().cloned().unwrap_or_default();
                Some((names.get(&revision.id)?.clone(), revision, overlay))
            })
            .collect();
        bots.sort_by(|a, b| a.0.cmp(&b.0));
        // A bot that had another name then gets it back.
        let now: BTreeMap<BotId, String> =
            Bot::list(tx).await?.into_iter().map(|bot| (bot.id, bot.name)).collect();
        let moves = bots
            .iter()
            .filter_map(|(name, revision, _)| {
                let from = now.get(&revision.bot_id).filter(|from| *from != name)?;
                Some(spec::features::Move { from: from.clone(), to: name.clone() })
            })
            .collect();
        let protect = generation.protected();
        Ok(Self { generation, protect, moves, bots })
    }

    pub(super) fn desired(&self) -> Desired<'_> {
        Desired {
            source: self.generation.source.clone(),
            protect: &self.protect,
            moves: &self.moves,
            bots: self
                .bots
                .iter()
                .map(|(name, revision, overlay)| Target {
                    name,
                    authored: &revision.content,
                    hash: &revision.hash,
                    overlay: Some(overlay),
                })
                .collect(),
            bundle: None,
        }
    }

    /// The same as something that is active: to see what changed after it.
    pub(super) fn current(&self) -> Current {
        let bots = self.bots.iter().map(|(name, revision, overlay)| {
            let bot = CurrentBot {
                id: revision.bot_id,
                source: self.generation.source.clone(),
                revision: revision.id,
                number: revision.number,
                newest: revision.number,
                hash: revision.hash.clone(),
                archived: false,
                overlay: overlay.clone(),
                content: Some(revision.content.clone()),
            };
            (name.clone(), bot)
        });
        Current { bots: bots.collect(), ..Current::default() }
    }

    /// Every bot must be one that this version can run.
    pub(super) fn check(&self) -> Result<()> {
        for (name, revision, overlay) in &self.bots {
            spec::Bot::from_revision(&revision.content, overlay).map_err(|error| {
                Error::conflict(format!("`{name}` of generation {} cannot run today", self.generation.number))
                    .with_source(error)
            })?;
        }
        Ok(())
    }
}
