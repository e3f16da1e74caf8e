//! Who may enter a group with which password, and what it gives them.
//!
//! Today's group files name users and a wildcard; those of 2021 have three
//! lists with rules of their own (docs/protocols/galene.md §5.4). Both become
//! one ordered list of tries, of which the first that fits wins.

use parlour_base::{Permissions, Secret, Verifier};
use std::collections::BTreeMap;
use std::collections::VecDeque;

/// Most passwords tried for one join; what a definition lists beyond is not.
const TRIES_MAX: usize = 32;

/// What a password must fit, and what it gives.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What it must fit.
    pub verifier: Verifier,
    /// What it gives.
    pub permissions: Permissions,
}

/// One entry of a list of 2021.
#[derive(Debug, Clone)]
pub struct ListEntry {
    /// For this name only; `None` = for any.
    pub name: Option<String>,
    /// What must fit, and what it gives.
    pub credential: Credential,
}

/// Who may enter a group.
#[derive(Debug, Clone)]
pub enum Access {
    /// Today's form.
    Users {
        /// By name; their own password alone decides.
        named: BTreeMap<String, Credential>,
        /// For every other name.
        wildcard: Option<Credential>,
    },
    /// The form of 2021: lists tried in order.
    Lists(Vec<Vec<ListEntry>>),
}

impl Access {
    /// What is tried for a name, in order.
    fn tries(&self, name: &str) -> VecDeque<Credential> {
        let mut tries = VecDeque::new();
        match self {
            Self::Users { named, wildcard } => {
                tries.extend(named.get(name).or(wildcard.as_ref()).cloned());
            }
            Self::Lists(lists) => {
                for list in lists {
                    let of = |who: Option<&str>| {
                        let fits = move |e: &&ListEntry| e.name.as_deref() == who;
                        list.iter().filter(fits).map(|e| e.credential.clone()).collect::<Vec<_>>()
                    };
                    let named = of(Some(name));
                    if !named.is_empty() {
                        // A list that knows the name decides, for or against.
                        tries.extend(named);
                        break;
                    }
                    tries.extend(of(None));
                }
            }
        }
        tries.truncate(TRIES_MAX);
        tries
    }

    /// Whether this is the name of somebody in particular.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        match self {
            Self::Users { named, .. } => named.contains_key(name),
            Self::Lists(lists) => {
                lists.iter().flatten().any(|entry| entry.name.as_deref() == Some(name))
            }
        }
    }
}

/// The fruit of a successful check: cannot be had in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    permissions: Permissions,
}

impl Admission {
    /// For the checks of this crate only.
    pub(crate) const fn of(permissions: Permissions) -> Self {
        Self { permissions }
    }

    /// What it gives.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        self.permissions
    }
}

/// One client's password on its way through the tries.
#[derive(Debug)]
pub struct Attempt {
    tries: VecDeque<Credential>,
    password: Secret<String>,
}

/// What an attempt needs next.
#[derive(Debug)]
pub enum Step {
    /// Check the password against this, and tell with [`Attempt::answer`].
    Check(Verifier),
    /// It fitted.
    Granted(Admission),
    /// Nothing fitted.
    Refused,
}

impl Attempt {
    /// Begins.
    #[must_use]
    pub fn new(access: &Access, name: &str, password: Secret<String>) -> Self {
        Self { tries: access.tries(name), password }
    }

    /// The password under way.
    #[must_use]
    pub const fn password(&self) -> &Secret<String> {
        &self.password
    }

    /// Goes on as far as it can without costly work.
    pub fn step(&mut self) -> Step {
        while let Some(credential) = self.tries.front() {
            let fits = match &credential.verifier {
                Verifier::Never => false,
                Verifier::Wildcard => true,
                Verifier::Plain(secret) => secret.matches(self.password.expose()),
                costly => return Step::Check(costly.clone()),
            };
            if let Some(admission) = self.settle(fits) {
                return Step::Granted(admission);
            }
        }
        Step::Refused
    }

    /// Takes the outcome of a [`Step::Check`].
    pub fn answer(&mut self, fits: bool) -> Step {
        match self.settle(fits) {
            Some(admission) => Step::Granted(admission),
            None => self.step(),
        }
    }

    fn settle(&mut self, fits: bool) -> Option<Admission> {
        let credential = self.tries.pop_front()?;
        fits.then_some(Admission { permissions: credential.permissions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_base::Permission;

    const OP: Permissions = Permissions::of(&[Permission::Op]);
    const PRESENT: Permissions = Permissions::of(&[Permission::Present]);

    fn plain(password: &str, permissions: Permissions) -> Credential {
        Credential { verifier: Verifier::Plain(Secret::new(password.into())), permissions }
    }

    fn outcome(access: &Access, name: &str, password: &str) -> Option<Permissions> {
        match Attempt::new(access, name, Secret::new(password.into())).step() {
            Step::Granted(admission) => Some(admission.permissions()),
            Step::Refused => None,
            Step::Check(_) => panic!("plain passwords need no pool"),
        }
    }

    #[test]
    fn a_named_users_own_password_decides() {
        let access = Access::Users {
            named: [("ada".to_owned(), plain("a", OP))].into(),
            wildcard: Some(plain("w", PRESENT)),
        };
        assert_eq!(outcome(&access, "ada", "a"), Some(OP));
        assert_eq!(outcome(&access, "ada", "w"), None, "no fallback to the wildcard");
        assert_eq!(outcome(&access, "bob", "w"), Some(PRESENT));
        assert_eq!(outcome(&access, "bob", "a"), None);
        assert!(access.knows("ada") && !access.knows("bob"));
    }

    #[test]
    fn lists_of_2021_are_tried_in_order() {
        let entry = |name: Option<&str>, credential| ListEntry {
            name: name.map(str::to_owned),
            credential,
        };
        let open = Credential { verifier: Verifier::Wildcard, permissions: PRESENT };
        let access = Access::Lists(vec![
            vec![
                entry(Some("ada"), plain("1", OP)),
                entry(Some("ada"), plain("2", OP)),
                entry(None, plain("boss", OP)),
            ],
            vec![entry(None, open)],
        ]);
        assert_eq!(outcome(&access, "ada", "2"), Some(OP), "any of several passwords");
        assert_eq!(outcome(&access, "ada", "boss"), None, "the list knows her and says no");
        assert_eq!(outcome(&access, "bob", "boss"), Some(OP));
        assert_eq!(outcome(&access, "bob", "x"), Some(PRESENT));
    }

    #[test]
    fn costly_checks_are_left_to_the_pool() {
        let verifier = Verifier::Bcrypt(Secret::new("$2a$".into()));
        let access = Access::Users {
            named: BTreeMap::new(),
            wildcard: Some(Credential { verifier, permissions: PRESENT }),
        };
        let mut attempt = Attempt::new(&access, "x", Secret::new("y".into()));
        assert!(matches!(attempt.step(), Step::Check(Verifier::Bcrypt(_))));
        assert!(matches!(attempt.answer(false), Step::Refused));
        assert!(matches!(attempt.answer(true), Step::Refused), "an attempt ends once");
    }
}
