//! What only some may know, and a search for it in what everybody hears or
//! could read in a log.

use std::collections::BTreeMap;
use std::fmt;

/// How much of a secret is looked up at once; shorter ones are none.
const HEAD: usize = 8;

/// The secrets of a world.
#[derive(Debug)]
pub(crate) struct Secrets {
    /// By their first bytes: the rest, and who knows it.
    known: BTreeMap<[u8; HEAD], Vec<(String, String)>>,
    /// Which two bytes a secret begins with, as bits.
    begins: Vec<u64>,
    /// This world looks for them.
    pub watched: bool,
}

impl Secrets {
    pub(crate) fn new(watched: bool) -> Self {
        Self { known: BTreeMap::new(), begins: vec![0; 1 << 10], watched }
    }

    /// There is a secret, and who knows it.
    pub(crate) fn keep(&mut self, owner: &str, secret: &str) {
        let Some(head) = secret.as_bytes().first_chunk::<HEAD>().filter(|_| self.watched) else {
            return;
        };
        let at = pair(head[0], head[1]);
        self.begins[at / 64] |= 1 << (at % 64);
        let same = self.known.entry(*head).or_default();
        if same.iter().all(|(known, _)| known != secret) {
            same.push((secret.to_owned(), owner.to_owned()));
        }
    }

    /// Nobody but its owner reads a secret here.
    pub(crate) fn absent(&self, reader: &str, text: impl fmt::Display) -> Result<(), String> {
        if !self.watched {
            return Ok(());
        }
        let text = text.to_string();
        let bytes = text.as_bytes();
        for (at, two) in bytes.windows(2).enumerate() {
            let two = pair(two[0], two[1]);
            if self.begins[two / 64] >> (two % 64) & 1 == 0 {
                continue;
            }
            let Some(head) = bytes[at..].first_chunk::<HEAD>() else { break };
            for (secret, owner) in self.known.get(head).into_iter().flatten() {
                if owner != reader && bytes[at..].starts_with(secret.as_bytes()) {
                    return Err(format!("{reader} reads a secret of {owner}: {secret} in {text}"));
                }
            }
        }
        Ok(())
    }
}

const fn pair(one: u8, two: u8) -> usize {
    (one as usize) << 8 | two as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_all_but_its_owner() {
        let mut secrets = Secrets::new(true);
        secrets.keep("ada", "pmt1_abcdefgh");
        secrets.keep("bob", "pmt1_abcdefgi");
        let text = "{\"token\":\"pmt1_abcdefgh\"}";
        assert!(secrets.absent("ada", text).is_ok());
        assert!(secrets.absent("bob", text).is_err());
        assert!(secrets.absent("bob", "{\"token\":\"pmt1_abcdef\"}").is_ok());
    }
}
