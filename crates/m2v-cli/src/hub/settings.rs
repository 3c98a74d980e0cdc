//! What the environment says about the hub: the variables of Python's huggingface_hub, with its precedence.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// Where the hub is, where its cache is, and who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) endpoint: Option<String>,
    pub(super) cache: PathBuf,
    pub(super) offline: bool,
    pub(super) token: Option<String>,
}

impl Settings {
    /// Of this process; nothing without a home folder and without a variable that says where the cache is.
    pub(super) fn from_environment() -> Option<Self> {
        Self::new(env::home_dir(), |name| env::var_os(name))
    }

    /// `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME/hub`, `XDG_CACHE_HOME/huggingface/hub`,
    /// `~/.cache/huggingface/hub`, the first that is set; and for the token `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, or
    /// else what is in the file `HF_TOKEN_PATH`, or `token` where `hub` is, unless `HF_HUB_DISABLE_IMPLICIT_TOKEN`. A
    /// variable without content is not set; `~` at the beginning of a path is the home folder, `$NAME` is not replaced.
    fn new(home: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| {
            let path = PathBuf::from(set(name)?);
            match (path.strip_prefix("~"), &home) {
                (Ok(rest), Some(home)) => Some(home.join(rest)),
                _ => Some(path),
            }
        };
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let is_true = |name: &str| {
            text(name).map(|value| ["1", "ON", "YES", "TRUE"].contains(&&*value.to_ascii_uppercase()))
        };
        let hf_home = path("HF_HOME").or_else(|| {
            let cache = path("XDG_CACHE_HOME").or_else(|| Some(home.as_ref()?.join(".cache")));
            Some(cache?.join("huggingface"))
        });
        let in_home = |name: &str| hf_home.as_ref().map(|home| home.join(name));
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE")).or_else(|| in_home("hub"));
        let clean = |token: String| Some(token.trim().to_owned()).filter(|token| !token.is_empty());
        let in_file = || fs::read_to_string(path("HF_TOKEN_PATH").or_else(|| in_home("token"))?).ok();
        let is_secretive = is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN").unwrap_or(false);
        let token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN")).and_then(clean);
        Some(Self {
            endpoint: text("HF_ENDPOINT"),
            cache: cache?,
            offline: is_true("HF_HUB_OFFLINE").or_else(|| is_true("TRANSFORMERS_OFFLINE")).unwrap_or(false),
            token: token.or_else(|| clean(in_file()?)).filter(|_| !is_secretive),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Option<Settings> {
        let variable = |name: &str| {
            let found = variables.iter().find(|variable| variable.0 == name);
            found.map(|variable| variable.1.into())
        };
        Settings::new(Some("/home/me".into()), variable)
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        for (variables, expected) in [
            (&[][..], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/xdg")], "/xdg/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/xdg"), ("HF_HOME", "/hf")], "/hf/hub"),
            (&[("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HOME", "/hf")], "/new"),
            (&[("HF_HUB_CACHE", ""), ("HF_HOME", "~/hf")], "/home/me/hf/hub"),
        ] {
            assert_eq!(settings(variables).unwrap().cache, PathBuf::from(expected), "{variables:?}");
        }
        assert_eq!(Settings::new(None, |_| None), None);
    }

    #[test]
    fn offline_is_what_python_takes_for_true() {
        for (value, expected) in
            [("1", true), ("true", true), ("Yes", true), ("0", false), ("", false), ("2", false)]
        {
            assert_eq!(settings(&[("HF_HUB_OFFLINE", value)]).unwrap().offline, expected, "{value}");
        }
        assert!(settings(&[("TRANSFORMERS_OFFLINE", "1")]).unwrap().offline);
        assert!(!settings(&[("TRANSFORMERS_OFFLINE", "1"), ("HF_HUB_OFFLINE", "0")]).unwrap().offline);
    }

    #[test]
    fn the_token_is_the_first_that_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let other = folder.path().join("other");
        fs::write(folder.path().join("token"), " of home\n").unwrap();
        fs::write(&other, "of path").unwrap();
        let other = other.to_str().unwrap();
        for (variables, expected) in [
            (&[("HF_HOME", home)][..], Some("of home")),
            (&[("HF_HOME", home), ("HF_TOKEN_PATH", other)], Some("of path")),
            (&[("HF_TOKEN_PATH", other), ("HUGGING_FACE_HUB_TOKEN", "of old")], Some("of old")),
            (&[("HF_TOKEN", "of env\n"), ("HUGGING_FACE_HUB_TOKEN", "of old")], Some("of env")),
            (&[("HF_HOME", home), ("HF_TOKEN", "")], Some("of home")),
            (&[("HF_HOME", "/nowhere")], None),
            (&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")], None),
            (&[("HF_TOKEN", "of env"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "true")], None),
            (&[("HF_TOKEN", "of env"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")], Some("of env")),
        ] {
            assert_eq!(settings(variables).unwrap().token.as_deref(), expected, "{variables:?}");
        }
    }
}
