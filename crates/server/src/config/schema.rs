//! What a configuration section is: typed fields with a sentence, a default
//! and, for numbers, the range that the start checks.
//!
//! Owns the `section!` macro and the description it derives. The reference
//! page, the full example, the check for unknown keys and the environment
//! overrides all read that description, so they cannot disagree with the types.

use parlour_base::{ByteSize, Span};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use toml::Value;

/// One key of the configuration file.
#[derive(Clone, Copy)]
pub struct Key {
    /// The table it is in.
    pub section: &'static str,
    /// Its name within the table.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// Its default, as a TOML value.
    pub default: fn() -> Value,
    /// The smallest and largest value, for numbers, sizes and times.
    pub range: fn() -> Option<(String, String)>,
    /// Says what is wrong with a value, if anything.
    pub check: fn(Value) -> Result<(), String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl Key {
    /// `section.name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that overrides it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PARLOUR_{}_{}", self.section, self.name).to_ascii_uppercase()
    }

    /// Reads the text of an environment variable or flag as this key's type:
    /// lists are separated by commas or written as TOML.
    #[must_use]
    pub fn read(&self, text: &str) -> Value {
        match (self.default)() {
            Value::Integer(_) => text.trim().parse().map_or_else(|_| text.into(), Value::Integer),
            Value::Boolean(_) => text.trim().parse().map_or_else(|_| text.into(), Value::Boolean),
            Value::Array(_) if text.trim_start().starts_with('[') => format!("v = {text}")
                .parse::<toml::Table>()
                .ok()
                .and_then(|mut table| table.remove("v"))
                .unwrap_or_else(|| text.into()),
            Value::Array(_) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(Value::from).collect())
            }
            _ => text.into(),
        }
    }
}

/// A type that a key can have.
pub trait Setting: Serialize + DeserializeOwned {
    /// Whether the value lies within `low..=high`; types without order accept.
    fn within(&self, low: &Self, high: &Self) -> bool;
}

macro_rules! ordered {
    ($($name:ty),*) => {$(
        impl Setting for $name {
            fn within(&self, low: &Self, high: &Self) -> bool {
                (low..=high).contains(&self)
            }
        }
    )*};
}
ordered!(u16, u32, u64, ByteSize, Span);

/// Checks a value against a key's type and range.
///
/// # Errors
/// A sentence that continues "`section.name` …".
pub fn check_setting<T: Setting>(value: Value, range: Option<(T, T)>) -> Result<(), String> {
    let value: T = check_type(value)?;
    match range {
        Some((low, high)) if !value.within(&low, &high) => {
            Err(format!("must lie between {} and {}", plain(&low), plain(&high)))
        }
        _ => Ok(()),
    }
}

/// Checks a value against a key's type.
///
/// # Errors
/// A sentence that continues "`section.name` …".
pub fn check_type<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    value.try_into().map_err(|error: toml::de::Error| format!("is wrong: {}", error.message()))
}

/// A value as it stands in a TOML file.
pub fn to_toml<T: Serialize>(value: &T) -> Value {
    Value::try_from(value).expect("settings are plain values, and those have a TOML form")
}

/// A value as a person reads it, without quotes.
pub fn plain<T: Serialize>(value: &T) -> String {
    match to_toml(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Declares one table of the configuration file.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:literal $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $default:expr $(, in $low:expr, $high:expr)?;
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// What the section is about.
            pub const ABOUT: &'static str = concat!($($about, "\n"),+);
            /// The table's name.
            pub const SECTION: &'static str = $section;

            /// Its keys, in the order of the reference.
            pub const KEYS: &'static [$crate::config::schema::Key] = &[$(
                $crate::config::schema::Key {
                    section: $section,
                    name: stringify!($field),
                    doc: concat!($($doc, "\n"),+),
                    default: || $crate::config::schema::to_toml::<$type>(&$default),
                    range: || section!(@range $type $(, $low, $high)?),
                    check: |value| section!(@check value, $type $(, $low, $high)?),
                },
            )*];
        }
    };
    (@range $type:ty) => { None };
    (@range $type:ty, $low:expr, $high:expr) => {
        Some((
            $crate::config::schema::plain::<$type>(&$low),
            $crate::config::schema::plain::<$type>(&$high),
        ))
    };
    (@check $value:ident, $type:ty) => {
        $crate::config::schema::check_type::<$type>($value).map(drop)
    };
    (@check $value:ident, $type:ty, $low:expr, $high:expr) => {
        $crate::config::schema::check_setting::<$type>($value, Some(($low, $high)))
    };
}
pub(crate) use section;
