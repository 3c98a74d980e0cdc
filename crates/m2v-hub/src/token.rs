//! The secret.

use std::fmt;

/// An access token. It is shown nowhere.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// A token that can be sent, or why it cannot.
    pub(crate) fn new(token: &str) -> Result<Self, &'static str> {
        let token = token.trim();
        match token {
            "" => Err("the token is empty"),
            _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("the token has characters other than visible ASCII")
            }
            _ => Ok(Self(token.to_owned())),
        }
    }

    /// The secret itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_not_shown() {
        let token = Token::new(" hf_secret\n").unwrap();
        assert_eq!(token.reveal(), "hf_secret");
        assert_eq!(format!("{token:?}"), "Token(…)");
        for bad in ["", " ", "a b", "a\nb", "ä"] {
            assert!(Token::new(bad).is_err(), "{bad:?}");
        }
    }
}
