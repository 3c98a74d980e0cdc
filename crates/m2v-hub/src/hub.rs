//! A hub, and how it is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::http::{Http, Limits, Proxies};
use crate::model_id::ModelId;
use crate::progress::{Progress, Retry};
use crate::repo::Repo;
use crate::token::Token;

/// Where models are looked for unless [`HubBuilder::endpoint`] says otherwise.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// A hub of models, and the cache of what was fetched from it. Cloning shares connections.
///
/// ```no_run
/// use m2v_core::Checkpoint;
/// use m2v_hub::Hub;
///
/// let hub = Hub::builder().cache_dir("/home/me/.cache/huggingface/hub").build()?;
/// let checkpoint = Checkpoint::load(&hub.model("minishlab/potion-base-8M")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<Inner>);

/// Told how far a file is.
type OnProgress = Box<dyn Fn(&Progress<'_>) + Send + Sync>;

/// Told of requests that will be sent again.
pub(crate) type OnRetry = Box<dyn Fn(&Retry<'_>) + Send + Sync>;

/// What all clones of a hub share.
pub(crate) struct Inner {
    /// `None` if the hub is offline: then there is nothing to ask with.
    pub(crate) http: Option<Http>,
    pub(crate) cache_dir: PathBuf,
    pub(crate) lock_limit: Duration,
    pub(crate) progress: Option<OnProgress>,
    pub(crate) cancel: Cancel,
}

impl Inner {
    /// What a caller may be given: errors without the token.
    pub(crate) fn hide<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match &self.http {
            Some(http) => http.hide(error),
            None => error,
        })
    }
}

/// Whether the caller wants to stop.
#[derive(Clone, Default)]
pub(crate) struct Cancel(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Cancel {
    pub(crate) fn new(cancel: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(cancel)))
    }

    pub(crate) fn requested(&self) -> bool {
        self.0.as_ref().is_some_and(|cancel| cancel())
    }
}

impl Hub {
    /// Settings of a new hub.
    #[must_use]
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    /// A model, `ORG/NAME[@REVISION][:SUBFOLDER]`. Nothing is asked before something is read.
    ///
    /// # Errors
    /// [`Error::ModelId`] or [`Error::Name`] if that is not the id of a model.
    pub fn model<I>(&self, id: I) -> Result<Repo>
    where
        I: TryInto<ModelId>,
        Error: From<I::Error>,
    {
        Ok(Repo::new(Arc::clone(&self.0), id.try_into()?))
    }

    /// Whether no request is ever made.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.0.http.is_none()
    }

    /// The folder of the cache.
    #[must_use]
    pub fn cache_dir(&self) -> &Path {
        &self.0.cache_dir
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("http", &self.http)
            .field("cache_dir", &self.cache_dir)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Hub`]. Nothing is read from the environment: what is not said here has the default written
/// at its method.
#[derive(Default)]
pub struct HubBuilder {
    endpoint: Option<String>,
    token: Option<String>,
    proxies: Proxies,
    cache_dir: Option<PathBuf>,
    offline: bool,
    limits: Limits,
    lock_limit: Option<Duration>,
    progress: Option<OnProgress>,
    on_retry: Option<OnRetry>,
    cancel: Cancel,
}

impl HubBuilder {
    /// The folder of the cache, that of `HF_HUB_CACHE` in Python: has to be said.
    #[must_use]
    pub fn cache_dir(self, path: impl Into<PathBuf>) -> Self {
        Self { cache_dir: Some(path.into()), ..self }
    }

    /// The address of the hub; [`DEFAULT_ENDPOINT`] if not said.
    #[must_use]
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        Self { endpoint: Some(url.into()), ..self }
    }

    /// An access token; none if not said. It is sent to the endpoint and to nobody else, and shown nowhere.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// The address of a proxy for all requests, `http://HOST:PORT` or `https://HOST:PORT`, perhaps with
    /// `USER:PASSWORD@` before the host; none if not said. Redirects to other servers go by the same rules.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxies.all = Some(url.into());
        self
    }

    /// The address of a proxy for requests to `http:` addresses; that of [`HubBuilder::proxy`] if not said.
    #[must_use]
    pub fn http_proxy(mut self, url: impl Into<String>) -> Self {
        self.proxies.http = Some(url.into());
        self
    }

    /// The address of a proxy for requests to `https:` addresses; that of [`HubBuilder::proxy`] if not said.
    #[must_use]
    pub fn https_proxy(mut self, url: impl Into<String>) -> Self {
        self.proxies.https = Some(url.into());
        self
    }

    /// The hosts that are asked without a proxy, as in the variable `NO_PROXY` of other programs, with commas between
    /// them; none if not said. `hub.example` and `.hub.example` are a domain and all below it, `127.0.0.1` and
    /// `10.0.0.0/8` an address and a network, and `*` is every host. What is none of these, as a host with a port, is
    /// no host's name.
    ///
    /// ```
    /// use m2v_hub::Hub;
    ///
    /// let hub = Hub::builder()
    ///     .cache_dir("cache")
    ///     .endpoint("https://hub.intern.example")
    ///     .proxy("http://proxy.example:3128")
    ///     .no_proxy("intern.example, 10.0.0.0/8")
    ///     .build()?;
    /// # Ok::<(), m2v_hub::Error>(())
    /// ```
    #[must_use]
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.proxies.except = Some(hosts.into());
        self
    }

    /// Whether to make no request at all: models load from the cache, or not.
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// How long it may take to connect; 10 s if not said.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.limits.connect = limit;
        self
    }

    /// How long it may take until an answer begins, from the connection on; 30 s if not said.
    #[must_use]
    pub fn first_byte_timeout(mut self, limit: Duration) -> Self {
        self.limits.first_byte = limit;
        self
    }

    /// How long nothing may come in the middle of an answer; 30 s if not said. There is no limit on the whole.
    #[must_use]
    pub fn stall_timeout(mut self, limit: Duration) -> Self {
        self.limits.stall = limit;
        self
    }

    /// How long to wait for another process that fetches the same file and makes no progress; 60 s if not said.
    #[must_use]
    pub fn lock_timeout(self, limit: Duration) -> Self {
        Self { lock_limit: Some(limit), ..self }
    }

    /// How often to try again after 429, 5xx, or an answer that was cut or stalled; 5 if not said. Nothing else
    /// is tried again, and a commit only after 429 and 503.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.limits.retries = retries;
        self
    }

    /// How long to wait before the first retry; 500 ms if not said. It doubles each time, up to 16 times as much. What
    /// a server asks for (`Retry-After`) is waited for instead, up to 120 times as much.
    #[must_use]
    pub fn backoff(mut self, wait: Duration) -> Self {
        self.limits.backoff = wait;
        self
    }

    /// Called while a file is fetched, on the thread that waits for it or on one of the hub's: now and then, and when
    /// it is complete. It must not call the hub.
    #[must_use]
    pub fn progress(self, progress: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        Self { progress: Some(Box::new(progress)), ..self }
    }

    /// Called before each wait for a retry, on a thread of the hub's. It must not call the hub.
    #[must_use]
    pub fn on_retry(self, on_retry: impl Fn(&Retry<'_>) + Send + Sync + 'static) -> Self {
        Self { on_retry: Some(Box::new(on_retry)), ..self }
    }

    /// Asked several times a second whether to stop. Then calls that wait end with [`Error::Cancelled`], and what a
    /// later run cannot use is removed.
    #[must_use]
    pub fn cancel_when(self, cancel: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { cancel: Cancel::new(cancel), ..self }
    }

    /// The hub.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting cannot be used.
    pub fn build(self) -> Result<Hub> {
        let setting = |setting, reason: &str| Error::Setting { setting, reason: reason.to_owned() };
        let Some(cache_dir) = self.cache_dir.filter(|path| !path.as_os_str().is_empty()) else {
            return Err(setting("cache_dir", "the folder of the cache has to be said"));
        };
        let token = self.token.as_deref().map(Token::new).transpose();
        let token = token.map_err(|reason| setting("token", reason))?;
        let endpoint = self.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT);
        let (proxies, cancel) = (&self.proxies, self.cancel.clone());
        let http = Http::new(endpoint, token, proxies, self.limits, cancel, self.on_retry)?;
        Ok(Hub(Arc::new(Inner {
            http: (!self.offline).then_some(http),
            cache_dir,
            lock_limit: self.lock_limit.unwrap_or(Duration::from_secs(60)),
            progress: self.progress,
            cancel: self.cancel,
        })))
    }
}

impl fmt::Debug for HubBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Endpoint and proxies may have a password in them.
        let settings = (&self.cache_dir, self.offline, &self.limits);
        f.debug_tuple("HubBuilder").field(&settings).finish()
    }
}
