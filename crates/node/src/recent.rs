//! Records of the directory that were looked up lately, so that looking them
//! up again asks nobody.
//!
//! What is remembered is exact, because every write of the directory passes
//! the shard and the store does things in the order in which it is asked. A
//! write drops what it may change when it is *asked for*, and keeps answers of
//! the store out that were asked for before it: an answer to a later question
//! has seen the write, whether it succeeded or failed.

use parlour_base::Json;
use parlour_base::storage::{Found, Key, StoreDone, StoreId, StoreOp, Write};
use std::collections::BTreeMap;

/// Most records of a page that is remembered.
const PAGE_RECORDS_MAX: usize = 32;

/// What the store can be asked, one by one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    /// A record.
    Record { kind: String, key: String },
    /// The beginning of all records of a kind whose keys begin with a prefix
    /// that ends in a slash.
    Page { kind: String, prefix: String, most: u32 },
}

/// What it answered.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Record(Option<Json>),
    Page(Vec<(String, Json)>),
}

/// The records, in two halves: what is used again moves from the old one to
/// the young one, and when that is full, the old one is dropped.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    most: usize,
    young: BTreeMap<Question, Answer>,
    old: BTreeMap<Question, Answer>,
    /// What the store was asked and has not answered.
    asked: BTreeMap<StoreId, Vec<Question>>,
    /// Whose answer would be remembered: the last that was asked since what it
    /// asks for was written.
    good: BTreeMap<Question, StoreId>,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl Recent {
    /// Remembers at most so many records and pages.
    pub(crate) fn new(most: u32) -> Self {
        Self { most: most as usize, ..Self::default() }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// The answer to all of this, if it is known.
    pub(crate) fn answer(&mut self, op: &StoreOp) -> Option<StoreDone> {
        let questions = self.questions(op)?;
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let Some(answer) = self.recall(question) else {
                self.misses += 1;
                return None;
            };
            answers.push(answer);
        }
        self.hits += 1;
        Some(match (op, answers.pop()) {
            (StoreOp::List { .. }, Some(Answer::Page(page))) => StoreDone::Listed(page),
            (_, last) => {
                let record = |answer| match answer {
                    Answer::Record(body) => Found::Record(body),
                    Answer::Page(_) => Found::Record(None),
                };
                StoreDone::Found(answers.into_iter().chain(last).map(record).collect())
            }
        })
    }

    fn recall(&mut self, question: Question) -> Option<Answer> {
        if let Some(answer) = self.young.get(&question) {
            return Some(answer.clone());
        }
        let answer = self.old.remove(&question)?;
        self.keep(question, answer.clone());
        Some(answer)
    }

    fn keep(&mut self, question: Question, answer: Answer) {
        if self.young.len() >= self.most.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&question);
        self.young.insert(question, answer);
    }

    /// Something is asked of the store.
    pub(crate) fn asks(&mut self, id: StoreId, op: &StoreOp) {
        if let StoreOp::Commit(writes) = op {
            writes.iter().for_each(|write| self.written(write));
        } else if let Some(questions) = self.questions(op) {
            self.good.extend(questions.iter().map(|question| (question.clone(), id)));
            self.asked.insert(id, questions);
        }
    }

    /// The store has answered.
    pub(crate) fn told(&mut self, id: StoreId, done: Option<&StoreDone>) {
        let Some(questions) = self.asked.remove(&id) else { return };
        let answers: Vec<Answer> = match done {
            Some(StoreDone::Found(found)) => found.iter().filter_map(record).collect(),
            Some(StoreDone::Listed(page)) if page.len() <= PAGE_RECORDS_MAX => {
                vec![Answer::Page(page.clone())]
            }
            _ => Vec::new(),
        };
        let is_whole = answers.len() == questions.len();
        let mut answers = answers.into_iter();
        for question in questions {
            let answer = answers.next().filter(|_| is_whole);
            if self.good.get(&question) == Some(&id) {
                self.good.remove(&question);
                if let Some(answer) = answer {
                    self.keep(question, answer);
                }
            }
        }
    }

    /// What can be remembered of an answer to this; `None` for everything that
    /// is not.
    fn questions(&self, op: &StoreOp) -> Option<Vec<Question>> {
        if self.most == 0 {
            return None;
        }
        match op {
            StoreOp::Find(keys) => keys.iter().map(question).collect(),
            StoreOp::List { kind, prefix, after: None, most } if prefix.ends_with('/') => {
                let (kind, prefix, most) = (kind.clone(), prefix.clone(), *most);
                Some(vec![Question::Page { kind, prefix, most }])
            }
            _ => None,
        }
    }

    fn written(&mut self, write: &Write) {
        let (Write::Record { kind, key, .. } | Write::Claim { kind, key, .. }) = write else {
            return;
        };
        let record = Question::Record { kind: kind.clone(), key: key.clone() };
        self.young.remove(&record);
        self.old.remove(&record);
        self.good.remove(&record);
        for (at, slash) in key.match_indices('/') {
            let prefix = key.get(..at + slash.len()).unwrap_or_default();
            self.forget_pages(kind, prefix);
        }
    }

    fn forget_pages(&mut self, kind: &str, prefix: &str) {
        let page = |most| Question::Page { kind: kind.to_owned(), prefix: prefix.to_owned(), most };
        let range = page(0)..=page(u32::MAX);
        for half in [&mut self.young, &mut self.old] {
            while let Some(known) = half.range(range.clone()).next().map(|(known, _)| known.clone())
            {
                half.remove(&known);
            }
        }
        while let Some(asked) = self.good.range(range.clone()).next().map(|(one, _)| one.clone()) {
            self.good.remove(&asked);
        }
    }
}

fn question(key: &Key) -> Option<Question> {
    match key {
        Key::Record { kind, key } => {
            Some(Question::Record { kind: kind.clone(), key: key.clone() })
        }
        _ => None,
    }
}

fn record(found: &Found) -> Option<Answer> {
    match found {
        Found::Record(body) => Some(Answer::Record(body.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
