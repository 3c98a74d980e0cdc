//! Models on a hub: where it is, and what to do next when it refuses.

mod bar;
mod load;
mod proxies;
mod pull;
mod push;
mod settings;

use std::io;
use std::str::FromStr;

use m2v_hub::{Error, Hub, ModelId};

pub(crate) use pull::Pull;
pub(crate) use push::Push;

use crate::interrupt;
use crate::stop::Stop;
use proxies::Proxies;
use settings::Settings;

/// How a model on a hub is loaded.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct HubArgs {
    /// Make no request: a MODEL on the hub loads from the cache, or not [also: HF_HUB_OFFLINE=1]
    #[arg(long)]
    offline: bool,
    /// Refuse a MODEL on the hub if its model.safetensors, or FILE, has another sha256; for any number of files
    #[arg(long, value_name = "[FILE=]HASH")]
    sha256: Vec<Pin>,
}

/// A file and the hash it has to have.
#[derive(Clone, Debug)]
struct Pin {
    file: String,
    sha256: String,
}

impl FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (file, sha256) = text.split_once('=').unwrap_or(("model.safetensors", text));
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("expected 64 hexadecimal digits, perhaps after FILE=");
        }
        Ok(Self { file: file.to_owned(), sha256: sha256.to_owned() })
    }
}

impl HubArgs {
    /// Refuses what a folder does not have.
    pub(crate) fn refuse_pins(&self) -> Result<(), Stop> {
        match self.sha256.first() {
            None => Ok(()),
            Some(pin) => Err(Stop::Usage(format!(
                "--sha256 {}: pins files of a MODEL on the hub, and this one is a folder",
                pin.sha256
            ))),
        }
    }
}

/// The hub that the environment names.
fn connect(offline: bool) -> Result<Hub, Stop> {
    let Some(settings) = Settings::from_environment() else {
        return Err(Stop::error("no home folder, so no cache: set HF_HOME or HF_HUB_CACHE to a folder"));
    };
    let offline = offline || settings.offline;
    // Nobody is asked, and so nothing has to be right that only requests need.
    let proxies = match offline {
        true => Proxies::default(),
        false => Proxies::from_environment(settings.endpoint.as_deref()),
    };
    let hub = Hub::builder().cache_dir(settings.cache).offline(offline).cancel_when(interrupt::requested);
    let mut hub = proxies.set(bar::show(hub));
    if let Some(endpoint) = settings.endpoint {
        hub = hub.endpoint(endpoint);
    }
    if let Some(token) = settings.token {
        hub = hub.token(token);
    }
    hub.build().map_err(|error| proxies.explain(error))
}

/// Whether the cache knows a model.
pub(crate) fn is_cached(id: ModelId) -> bool {
    connect(true).is_ok_and(|hub| hub.model(id).and_then(|repo| repo.commit_hash()).is_ok())
}

/// What to do next about an error, if the hub is its cause.
pub(crate) fn hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    cause(error).and_then(next_step)
}

/// The error of the hub that is behind another.
pub(crate) fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An `io::Error` keeps what it wraps out of the chain of causes.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let wrapped = wrapped.and_then(|wrapped| wrapped.downcast_ref::<Error>());
        if let Some(error) = wrapped.or_else(|| error.downcast_ref()) {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

fn next_step(error: &Error) -> Option<String> {
    const LOGIN: &str = "set HF_TOKEN to a token from the hub's settings, or run `hf auth login` (no token is sent where \
                         HF_HUB_DISABLE_IMPLICIT_TOKEN is set)";
    let step = match error {
        Error::Offline { at } => {
            let (id, revision) = (&at.repo, &at.revision);
            let id = if revision == "main" { id.clone() } else { format!("{id}@{revision}") };
            format!("run again without --offline and HF_HUB_OFFLINE, or fetch it first: m2v pull {id}")
        }
        Error::PushOffline { .. } => "run again without HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE".to_owned(),
        Error::NoRepository { at, .. } => {
            format!(
                "look for a typing error in {}; for a private one {LOGIN}; to make it: m2v push --create",
                at.repo
            )
        }
        Error::NoRevision { .. } => {
            "name a branch, a tag or a commit; m2v push --create makes a branch".to_owned()
        }
        Error::Unauthorized { .. } => LOGIN.to_owned(),
        Error::Forbidden { gated: true, .. } => format!("ask for access on the model's page, then {LOGIN}"),
        Error::Forbidden { .. } => {
            "use a token that may do this (to push: one that may write); the address of a large file may also have \
             expired: run it again"
                .to_owned()
        }
        Error::Conflict { .. } => "run it again".to_owned(),
        Error::Status { status: 407, .. } => "the proxy wants USER:PASSWORD@ in its address: look at http_proxy, \
                                              https_proxy and all_proxy"
            .to_owned(),
        Error::Status { status: 429 | 500.., .. } => "wait a little and run it again".to_owned(),
        Error::Locked { .. } => "let the other process finish, or end it, and run it again".to_owned(),
        Error::Timeout { .. } | Error::Cut { .. } => {
            "run it again: what has arrived of a large file is kept".to_owned()
        }
        Error::Connection { .. } => {
            "look at the network, at HF_ENDPOINT, and at the proxies, if https_proxy, http_proxy or all_proxy is set; a \
             model in the cache loads with --offline"
                .to_owned()
        }
        Error::Setting { setting: "token", .. } => {
            "look at HF_TOKEN, and at the file that `hf auth login` wrote".to_owned()
        }
        Error::Setting { setting: "endpoint", .. } => "look at HF_ENDPOINT".to_owned(),
        Error::Transfer { .. } => "push this one with `hf upload`".to_owned(),
        _ => return None,
    };
    Some(step)
}
