//! What a token allows.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// One thing that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Talk to bots.
    Chat,
    /// Read what the account holds and the caller may see.
    Read,
    /// See what a configuration would change.
    ConfigPlan,
    /// Change the configuration, which includes seeing what would change.
    ConfigApply,
    /// Everything.
    Admin,
}

impl Scope {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Read, Self::ConfigPlan, Self::ConfigApply, Self::Admin];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Read => "read",
            Self::ConfigPlan => "config:plan",
            Self::ConfigApply => "config:apply",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(|scope| format!("`{scope}`")).join(", ");
            Error::invalid(format!("`{text}` is no scope: there are {known}"))
        })
    }
}

/// A set of scopes. Written `chat,read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Everything.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// What stands in the database. Words of a newer version allow nothing here.
    pub(super) fn from_stored(words: &[String]) -> Self {
        words.iter().filter_map(|word| word.parse::<Scope>().ok()).collect()
    }

    /// The scopes that were given, one by one.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Whether these allow what `scope` says, given or implied.
    pub fn allow(self, scope: Scope) -> bool {
        let implied_by = match scope {
            Scope::ConfigPlan => Scope::ConfigApply.bit(),
            Scope::Chat | Scope::Read | Scope::ConfigApply | Scope::Admin => 0,
        };
        self.0 & (scope.bit() | implied_by | Scope::Admin.bit()) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn in_words(self) -> String {
        if self.is_empty() { "none".into() } else { format!("`{self}`") }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{scope}")?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = Error;
    /// Words between commas or spaces; at least one.
    fn from_str(text: &str) -> Result<Self> {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let scopes: Self = words.map(str::parse::<Scope>).collect::<Result<_>>()?;
        if scopes.is_empty() {
            return Err(Error::invalid("a token without scopes could do nothing; give it `chat,read`, say"));
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_allow_what_they_say_and_what_that_implies() {
        let table = [
            ("chat", [true, false, false, false, false]),
            ("chat,read", [true, true, false, false, false]),
            ("config:plan", [false, false, true, false, false]),
            ("config:apply", [false, false, true, true, false]),
            ("admin", [true; 5]),
        ];
        for (text, allowed) in table {
            assert_eq!(Scope::ALL.map(|scope| scopes(text).allow(scope)), allowed, "{text}");
        }
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        assert_eq!(scopes("read, chat,chat").to_string(), "chat,read");
        assert_eq!(Scopes::all().to_string(), "chat,read,config:plan,config:apply,admin");
        assert_eq!(Scopes::from_stored(&["read".into(), "billing".into()]), scopes("read"));
        let error = "chat,wirte".parse::<Scopes>().unwrap_err();
        assert_eq!(
            error.message(),
            "`wirte` is no scope: there are `chat`, `read`, `config:plan`, `config:apply`, `admin`"
        );
        assert!(" , ".parse::<Scopes>().is_err());
    }
}
