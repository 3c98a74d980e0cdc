//! Loading a model of a hub, also one that is newer than what the cache knows.

use m2v_core::{Checkpoint, Error, Layout, Source as _};
use m2v_hub::{Hub, ModelId, Repo};

use super::{HubArgs, Pin, connect};
use crate::stop::Stop;

/// The folder of a sentence-transformers model that has its table and its tokenizer, but not its configuration.
const MODULE: &str = "0_StaticEmbedding";

impl HubArgs {
    /// A model on the hub that the environment names: as the cache has it or, if it has no model of that name, as it is
    /// there now.
    pub(crate) fn load(&self, id: &ModelId) -> Result<(Repo, Checkpoint), Stop> {
        match connect(self.offline) {
            Ok(hub) => self.load_from(&hub, id),
            // What requests need, such as a proxy, need not be right where the cache has it all.
            Err(stop) => connect(true).and_then(|hub| self.load_from(&hub, id)).map_err(|_| stop),
        }
    }

    fn load_from(&self, hub: &Hub, id: &ModelId) -> Result<(Repo, Checkpoint), Stop> {
        let repo = self.open(hub, id, false)?;
        let (repo, checkpoint) = match Checkpoint::load(&repo) {
            Err(error @ Error::NoModel { .. }) => self.reload(hub, id, &repo, error)?,
            loaded => (repo, loaded?),
        };
        self.check_pins(id, &repo)?;
        Ok((repo, checkpoint))
    }

    /// Where a model is, as it is now or as the cache has it. Files that are read are compared with their pins.
    pub(super) fn open(&self, hub: &Hub, id: &ModelId, refresh: bool) -> Result<Repo, Stop> {
        let mut repo = hub.model(id.clone())?;
        if refresh {
            repo = repo.refresh();
        }
        for Pin { file, sha256 } in &self.sha256 {
            repo = repo.sha256(file, sha256)?;
        }
        whole(repo)
    }

    /// What a command reads may be other files than those that are pinned.
    pub(super) fn check_pins(&self, id: &ModelId, repo: &Repo) -> Result<(), Stop> {
        let is_above = repo.id() != id;
        for Pin { file, .. } in &self.sha256 {
            repo.fetch(&if is_above { format!("{MODULE}/{file}") } else { file.clone() })?;
        }
        Ok(())
    }

    /// Loads a model from what the hub has now, as it was not in what the cache has.
    fn reload(&self, hub: &Hub, id: &ModelId, old: &Repo, error: Error) -> Result<(Repo, Checkpoint), Stop> {
        let commit = old.commit_hash()?;
        let newest = |now: &str| format!("that is commit {now}, which the hub has now");
        let no_model = |error: Error, more: String| Err(Stop::from(error).hint(&more));
        if id.revision() == Some(&commit) {
            return Err(error.into());
        }
        if hub.is_offline() {
            let more = format!("the cache is at commit {commit}; to get what there is now: m2v pull {id}");
            return no_model(error, more);
        }
        let asked = self.open(hub, id, true).and_then(|repo| Ok((repo.commit_hash()?, repo)));
        match asked {
            Err(stop) => {
                let more = format!("the cache is at commit {commit}, and to ask for a newer one failed");
                no_model(error, format!("{more}: {}", stop.into_error()))
            }
            Ok((now, _)) if now == commit => no_model(error, newest(&now)),
            Ok((now, repo)) => match Checkpoint::load(&repo) {
                Err(error @ Error::NoModel { .. }) => no_model(error, newest(&now)),
                loaded => Ok((repo, loaded?)),
            },
        }
    }
}

/// The whole of a model, of which an id may name the module: as for a folder, whose configuration may be above it.
fn whole(repo: Repo) -> Result<Repo, Stop> {
    let is_module = |folder: &str| folder.rsplit('/').next() == Some(MODULE);
    let parent = if repo.id().subfolder().is_some_and(is_module) { repo.parent() } else { None };
    let Some(parent) = parent else { return Ok(repo) };
    let configs = [Layout::Model2Vec.config(), Layout::StaticEmbedding.config()];
    let has = |repo: &Repo, name: &str| -> Result<bool, Stop> { Ok(repo.read(name)?.is_some()) };
    if has(&repo, configs[0])? || has(&repo, configs[1])? || !has(&parent, configs[1])? {
        return Ok(repo);
    }
    Ok(parent)
}
