//! Why a command ends before it is done.

use std::error::Error;

/// Why a command ends before it is done. `main` turns it into a message and an exit code.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something failed; the message says what, and what to do next where there is something to do.
    Error(String),
    /// The arguments ask for something that there is not.
    Usage(String),
    /// The reader of standard output has what it wanted (`m2v … | head`): not an error.
    PipeClosed,
}

impl Stop {
    /// A failure with a message.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::Error(message.into())
    }

    /// As an error for others to pass on.
    pub(crate) fn into_error(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Error(message) | Self::Usage(message) => message.into(),
            Self::PipeClosed => "the pipe is closed".into(),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(self, hint: &str) -> Self {
        match self {
            Self::Error(message) => Self::Error(format!("{message}; {hint}")),
            other => other,
        }
    }
}

/// Any error, with all its causes. (`Stop` is not an `Error` itself, as otherwise this would not be possible.)
impl<E: Error + 'static> From<E> for Stop {
    fn from(error: E) -> Self {
        let text = explain(&error);
        #[cfg(feature = "hub")]
        if let Some(hint) = crate::hub::hint(&error) {
            return Self::Error(text).hint(&hint);
        }
        Self::Error(text)
    }
}

/// The text of an error and its causes. Many errors have their cause's text in their own: that is not repeated.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    #[test]
    fn a_cause_is_told_once() {
        let root = || Some(Box::new(Layer("disk full", None)));
        assert_eq!(explain(&Layer("cannot save", root())), "cannot save: disk full");
        assert_eq!(explain(&Layer("cannot save: disk full", root())), "cannot save: disk full");
        let middle = Some(Box::new(Layer("a.npy: disk full", root())));
        assert_eq!(explain(&Layer("cannot save", middle)), "cannot save: a.npy: disk full");
    }
}
