//! Addresses: what is compared, sent and shown of them.

use reqwest::Url;

/// An address for people: without query, fragment, user and password, any of which may be secret.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Fails for addresses that can have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// Whether two addresses are of the same server: scheme, host and port.
pub(crate) fn same_server(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin() && a.origin().is_tuple()
}

/// Adds parts to the path of an address; each is encoded, slashes in it too.
pub(crate) fn join<'a>(base: &Url, parts: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    // Only addresses without a host have no path: `Http::new` refuses them.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// Where a redirect leads, or why it is not followed.
pub(crate) fn redirect(from: &Url, location: &str) -> Result<Url, String> {
    let to = from.join(location).map_err(|error| format!("a redirect to a broken address: {error}"))?;
    match (from.scheme(), to.scheme()) {
        ("https", "https") | ("http", "http" | "https") => Ok(to),
        (from, to) => Err(format!("a redirect from {from} to {to} is not followed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = url("https://me:pass@cdn.example/x/y?X-Signature=secret#secret");
        assert_eq!(shown(&secret), "https://cdn.example/x/y");
    }

    #[test]
    fn another_port_is_another_server() {
        let hub = url("http://localhost:80/x");
        assert!(same_server(&hub, &url("http://localhost/")));
        for other in [
            "http://localhost:81/",
            "https://localhost/",
            "http://127.0.0.1/",
            "http://localhost.evil/",
            "data:x",
        ] {
            assert!(!same_server(&hub, &url(other)), "{other}");
        }
    }

    #[test]
    fn parts_are_encoded() {
        let joined = join(&url("https://hub.example/mirror/"), ["api", "refs/pr/1", "a b?#%"]);
        assert_eq!(joined.as_str(), "https://hub.example/mirror/api/refs%2Fpr%2F1/a%20b%3F%23%25");
    }

    #[test]
    fn redirects_lead_to_no_less_safe_places() {
        let hub = url("https://hub.example/a/b");
        assert_eq!(redirect(&hub, "/c").unwrap().as_str(), "https://hub.example/c");
        assert_eq!(redirect(&hub, "https://cdn.example/c").unwrap().as_str(), "https://cdn.example/c");
        for location in
            ["http://hub.example/", "file:///etc/passwd", "data:text/plain,x", "https://", "ftp://x/"]
        {
            assert!(redirect(&hub, location).is_err(), "{location}");
        }
    }
}
