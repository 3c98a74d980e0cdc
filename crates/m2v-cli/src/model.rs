//! Opening models: folders, and with the feature `hub` models on a hub.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use m2v_core::{Buffer, Checkpoint, Dir, Source};
use m2v_infer::StaticModel;

#[cfg(feature = "hub")]
use crate::hub::HubArgs;
use crate::stop::Stop;

/// The model that a command works with.
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    #[cfg_attr(
        feature = "hub",
        doc = "Folder of the model, or its id on the hub: ORG/NAME[@REVISION][:SUBFOLDER]"
    )]
    #[cfg_attr(not(feature = "hub"), doc = "Folder of the model")]
    model: PathBuf,
    #[cfg(feature = "hub")]
    #[command(flatten)]
    hub: HubArgs,
}

impl ModelArgs {
    /// Loads the model: a folder if there is one of that name, or else a model on the hub.
    pub(crate) fn load(&self) -> Result<(Model, Checkpoint), Stop> {
        let path = &self.model;
        let forced = path.to_str().is_some_and(|text| text.starts_with(HUB));
        if exists(path) && !forced {
            #[cfg(feature = "hub")]
            self.hub.refuse_pins()?;
            let dir = open(path)?;
            let checkpoint = Checkpoint::load(&dir)?;
            return Ok((Model::Dir(dir), checkpoint));
        }
        #[cfg(feature = "hub")]
        {
            let is_beside = path.components().next().is_some_and(|org| exists(org.as_ref()));
            let id = path.to_str().unwrap_or_default().parse::<m2v_hub::ModelId>();
            match id {
                // A mistyped folder beside others should not cost a request.
                Ok(id) if is_beside && !forced && !crate::hub::is_cached(id.clone()) => {}
                Ok(id) => {
                    let (repo, checkpoint) = self.hub.load(&id)?;
                    return Ok((Model::Hub(Box::new(repo)), checkpoint));
                }
                Err(error) if forced => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(missing(path))
    }

    /// Loads a model that another is to be made of, and makes sure that it can embed texts: what is made of one that
    /// cannot would be no better.
    pub(crate) fn load_sound(&self) -> Result<(Model, Checkpoint), Stop> {
        let (model, checkpoint) = self.load()?;
        StaticModel::from_checkpoint(checkpoint.clone())?;
        Ok((model, checkpoint))
    }
}

/// What forces the hub.
const HUB: &str = "hf://";

impl fmt::Display for ModelArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.model.display().fmt(f)
    }
}

/// Where a model is.
pub(crate) enum Model {
    Dir(Dir),
    #[cfg(feature = "hub")]
    Hub(Box<m2v_hub::Repo>),
}

impl Source for Model {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        match self {
            Self::Dir(dir) => dir.read(name),
            #[cfg(feature = "hub")]
            Self::Hub(repo) => repo.read(name),
        }
    }

    fn is_at_hand(&self, name: &str) -> bool {
        match self {
            Self::Dir(dir) => dir.is_at_hand(name),
            #[cfg(feature = "hub")]
            Self::Hub(repo) => repo.is_at_hand(name),
        }
    }

    fn locate(&self, name: &str) -> String {
        match self {
            Self::Dir(dir) => dir.locate(name),
            #[cfg(feature = "hub")]
            Self::Hub(repo) => repo.locate(name),
        }
    }
}

/// Whether a file is on the hub, but not in the cache, and there is nobody to ask.
#[cfg(feature = "hub")]
pub(crate) fn is_offline(error: &io::Error) -> bool {
    matches!(crate::hub::cause(error), Some(m2v_hub::Error::Offline { .. }))
}

/// Without the hub nothing is on it.
#[cfg(not(feature = "hub"))]
pub(crate) fn is_offline(_: &io::Error) -> bool {
    false
}

/// Whether there is something of that name, also a link to nothing or what may not be looked at: then it is not for the
/// hub to say what it is.
fn exists(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

fn missing(path: &Path) -> Stop {
    let fetch = match cfg!(feature = "hub") {
        true => "or an id on the hub, ORG/NAME (hf://ORG/NAME where there is a folder ORG)",
        false => {
            "(`hf download ORG/NAME --local-dir FOLDER` fetches one; this m2v was built without the hub)"
        }
    };
    Stop::error(format!(
        "{}: no such folder; MODEL is the path of a model folder, with config.json, model.safetensors and \
         tokenizer.json, {fetch}",
        path.display()
    ))
}

fn open(path: &Path) -> Result<Dir, Stop> {
    #[expect(
        unsafe_code,
        reason = "mapping a file is unsafe by nature; reading it would cost memory and time"
    )]
    // SAFETY: the contract is that nobody changes or shortens the files while they are mapped. This program
    // never writes to a file in place: files and folders it makes are new ones that are renamed, which leaves
    // mapped ones as they are, and `folder` refuses to replace the model. For other processes it cannot speak;
    // it has that in common with every program that maps or executes files, and it lives for seconds.
    let dir = unsafe { Dir::open_mapped(path)? };
    Ok(dir)
}
