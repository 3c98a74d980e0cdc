//! What the environment says about proxies: the variables of curl and of Python's requests.

use std::env;
use std::ffi::OsString;

use m2v_hub::{Error, HubBuilder};

use crate::stop::Stop;

/// The proxies for addresses of either scheme, and the hosts that are asked without one.
#[derive(Default)]
pub(super) struct Proxies {
    http: Option<Variable>,
    https: Option<Variable>,
    except: Option<Variable>,
}

/// A variable that is set.
struct Variable {
    name: &'static str,
    value: String,
}

impl Proxies {
    /// Of this process, for a hub at an address.
    pub(super) fn from_environment(endpoint: Option<&str>) -> Self {
        Self::new(endpoint, |name| env::var_os(name))
    }

    /// `http_proxy`, `https_proxy`, or else `all_proxy`, and `no_proxy`, each in small letters or else in capitals. A
    /// variable without content is not set.
    fn new(endpoint: Option<&str>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = variable(name).filter(|value| !value.is_empty())?;
                // What is not UTF-8 is no address: the hub says so.
                Some(Variable { name, value: value.to_string_lossy().into_owned() })
            })
        };
        // From a hub of https nothing leads to an address of http: what is not asked need not be well.
        let is_plain = endpoint.is_some_and(|url| !url.to_ascii_lowercase().starts_with("https:"));
        let http: &[_] = match variable("REQUEST_METHOD") {
            // A program that a web server runs has a header of the visitor's in `HTTP_PROXY`.
            Some(_) => &["http_proxy", "all_proxy", "ALL_PROXY"],
            None => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        };
        Self {
            http: first(http).filter(|_| is_plain),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: first(&["no_proxy", "NO_PROXY"]),
        }
    }

    /// Has a hub go through them.
    pub(super) fn set(&self, mut hub: HubBuilder) -> HubBuilder {
        if let Some(Variable { value, .. }) = &self.http {
            hub = hub.http_proxy(value);
        }
        if let Some(Variable { value, .. }) = &self.https {
            hub = hub.https_proxy(value);
        }
        if let Some(Variable { value, .. }) = &self.except {
            hub = hub.no_proxy(value);
        }
        hub
    }

    /// Why there is no hub, with the variable if one of these is the cause.
    pub(super) fn explain(&self, error: Error) -> Stop {
        let variable = match &error {
            Error::Setting { setting: "http_proxy", .. } => &self.http,
            Error::Setting { setting: "https_proxy", .. } => &self.https,
            _ => &None,
        };
        let stop = Stop::from(error);
        match variable {
            Some(Variable { name, .. }) => {
                stop.hint(&format!("look at {name}; a model in the cache loads with --offline"))
            }
            None => stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the variables that count for http, for https, and for hosts without a proxy.
    fn names(endpoint: Option<&str>, set: &[&str]) -> [Option<&'static str>; 3] {
        let variable = |name: &str| set.contains(&name).then(|| "x".into());
        let Proxies { http, https, except } = Proxies::new(endpoint, variable);
        [http, https, except].map(|variable| variable.map(|variable| variable.name))
    }

    #[test]
    fn small_letters_and_the_scheme_go_first() {
        let all = [
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
        ];
        let plain = Some("http://127.0.0.1:8080");
        assert_eq!(names(plain, &all), [Some("http_proxy"), Some("https_proxy"), Some("no_proxy")]);
        assert_eq!(names(plain, &all[4..]), [Some("HTTP_PROXY"), Some("HTTPS_PROXY"), Some("NO_PROXY")]);
        assert_eq!(names(plain, &["all_proxy", "ALL_PROXY"]), [Some("all_proxy"), Some("all_proxy"), None]);
        assert_eq!(
            names(plain, &["https_proxy", "ALL_PROXY"]),
            [Some("ALL_PROXY"), Some("https_proxy"), None]
        );
        assert_eq!(names(plain, &[]), [None; 3]);
        for endpoint in [None, Some("https://hub.example"), Some("HTTPS://hub.example")] {
            assert_eq!(names(endpoint, &all), [None, Some("https_proxy"), Some("no_proxy")], "{endpoint:?}");
        }
    }

    #[test]
    fn a_visitor_of_a_web_server_names_no_proxy() {
        let set = ["REQUEST_METHOD", "HTTP_PROXY", "HTTPS_PROXY"];
        assert_eq!(names(Some("http://127.0.0.1"), &set), [None, Some("HTTPS_PROXY"), None]);
    }

    #[test]
    fn a_variable_without_content_is_not_set() {
        let variable = |name: &str| match name {
            "https_proxy" | "no_proxy" => Some(OsString::new()),
            "HTTPS_PROXY" => Some("http://127.0.0.1:3128".into()),
            _ => None,
        };
        let Proxies { http, https, except } = Proxies::new(None, variable);
        assert_eq!(https.map(|variable| variable.name), Some("HTTPS_PROXY"));
        assert!(http.is_none() && except.is_none());
    }
}
