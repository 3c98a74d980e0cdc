//! Proxies: who is asked instead of a server, and for which servers nobody is.

use reqwest::{NoProxy, Proxy, Url};

use crate::error::{Error, Result};

/// Proxies as they were said.
#[derive(Default)]
pub(crate) struct Proxies {
    /// For all requests that no other is for.
    pub(crate) all: Option<String>,
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    /// The hosts that are asked without one.
    pub(crate) except: Option<String>,
}

impl Proxies {
    /// As the client takes them; the first one that is for an address counts.
    pub(super) fn check(&self) -> Result<Vec<Proxy>> {
        let except = self.except.as_deref().map(hosts).unwrap_or_default();
        let mut checked = Vec::new();
        for (setting, said, of) in [
            ("http_proxy", &self.http, Proxy::http as fn(Url) -> _),
            ("https_proxy", &self.https, Proxy::https),
            ("proxy", &self.all, Proxy::all),
        ] {
            // What was said is not repeated: there may be a password in it.
            let refused = || Error::Setting { setting, reason: EXPECTED.to_owned() };
            if let Some(said) = said {
                let proxy: reqwest::Result<Proxy> = of(address(said).ok_or_else(refused)?);
                let proxy = proxy.map_err(|_| refused())?;
                checked.push(proxy.no_proxy(NoProxy::from_string(&except.join(","))));
            }
        }
        // To the client a star stands for names only, and not for addresses of digits.
        if except.contains(&"*") {
            checked.clear();
        }
        Ok(checked)
    }
}

const EXPECTED: &str = "expected the address of a proxy, `http://HOST:PORT` or `https://HOST:PORT`, perhaps with \
                        `USER:PASSWORD@` before the host";

/// The client would make no use of another address, and go without a proxy.
fn address(said: &str) -> Option<Url> {
    let said = said.trim();
    let url = if said.contains("://") { said.parse() } else { format!("http://{said}").parse() };
    url.ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
}

/// The hosts of a list, in the client's words: as some programs have spaces between them, and stars before a dot.
fn hosts(list: &str) -> Vec<&str> {
    let hosts = list.split([',', ' ', '\t']).map(str::trim).filter(|host| !host.is_empty());
    hosts.map(|host| host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(said: &str) -> Result<Vec<Proxy>> {
        Proxies { all: Some(said.to_owned()), ..Proxies::default() }.check()
    }

    #[test]
    fn addresses_of_proxies_pass() {
        for said in [
            "http://proxy.example:3128",
            "https://proxy.example",
            "proxy.example:3128",
            "localhost:3128",
            "127.0.0.1:3128",
            "[::1]:3128",
            "http://[::1]:3128/",
            "me:hf_pass@proxy.example:3128",
            "http://me:p%40ss!$&'()*+,;=~@proxy.example",
            " http://proxy.example\n",
        ] {
            assert_eq!(all(said).unwrap().len(), 1, "{said}");
        }
    }

    #[test]
    fn others_are_refused_without_a_word_of_them() {
        for said in [
            "",
            "http://",
            "http://me:hf_pass@[",
            "http://me:hf_pass@",
            "me:hf_pass@proxy.example:port",
            "socks5://me:hf_pass@proxy.example:1080",
            "ftp://me:hf_pass@proxy.example",
            "file:///hf_pass",
        ] {
            let error = all(said).unwrap_err();
            assert!(matches!(error, Error::Setting { setting: "proxy", .. }), "{said}: {error:?}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("http://HOST:PORT") && !shown.contains("hf_pass"), "{shown}");
        }
    }

    #[test]
    fn hosts_are_read_as_others_write_them() {
        assert_eq!(
            hosts("a.example, .b.example 10.0.0.0/8,,*.c.example"),
            ["a.example", ".b.example", "10.0.0.0/8", ".c.example"]
        );
        assert_eq!(hosts(" , "), [""; 0]);
        let proxies = |except: &str| Proxies {
            all: Some("proxy.example".to_owned()),
            except: Some(except.to_owned()),
            ..Proxies::default()
        };
        assert_eq!(proxies("a.example, *").check().unwrap().len(), 0);
        assert_eq!(proxies("a.example").check().unwrap().len(), 1);
    }
}
