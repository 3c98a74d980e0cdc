//! The client that sends requests: which certificates it trusts, and what it leaves to others.

use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{Limits, explain};

/// What sends requests, or why there is none.
pub(super) fn make(limits: &Limits, proxies: &[Proxy]) -> Result<Client, String> {
    // The first of its kind in the process would otherwise be installed for everyone.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| format!("no TLS: {error}"))?;
    let client = Client::builder()
        .tls_backend_preconfigured(tls.with_no_client_auth())
        .user_agent(concat!("m2v-hub/", env!("CARGO_PKG_VERSION")))
        // Redirects are followed here, where it is decided who gets the token; proxies are said, not guessed.
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(limits.connect);
    let client = proxies.iter().cloned().fold(client, ClientBuilder::proxy);
    client.build().map_err(|error| explain(&error.without_url()))
}
