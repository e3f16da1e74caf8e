//! Every requirement of the call-control door has a test that bears its number.
//!
//! `req_8_to_11_…`, `req_12_67_and_74_…` and `…_and_req_65_…` name several; the
//! first word that is no number ends the list.

use std::collections::BTreeSet;

/// The last requirement of docs/protocols/callctl.md.
const LAST: u32 = 81;

/// The numbers in the name of a test.
fn named(name: &str) -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    for part in name.split("req_").skip(1) {
        let (mut last, mut range) = (None, false);
        for word in part.split('_') {
            match (word.parse::<u32>(), word) {
                (Ok(number), _) => {
                    let first = last.filter(|_| range).unwrap_or(number);
                    numbers.extend(first..=number);
                    (last, range) = (Some(number), false);
                }
                (Err(_), "to") => range = true,
                (Err(_), "and") => {}
                (Err(_), _) => break,
            }
        }
    }
    numbers
}

/// Which requirements no test of these sources names.
pub(crate) fn missing<'t>(sources: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for text in sources {
        let functions = text.lines().filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")?.split('(').next()
        });
        seen.extend(functions.flat_map(named));
    }
    let all = (1..=LAST).filter(|number| !seen.contains(number));
    all.map(|number| format!("no test is named after REQ-{number}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_read_as_people_read_them() {
        let read = |name| named(name).into_iter().collect::<Vec<_>>();
        assert_eq!(read("req_8_to_11_a_list_of_3"), [8, 9, 10, 11]);
        assert_eq!(read("req_12_67_and_74_who_left"), [12, 67, 74]);
        assert_eq!(read("row_45_and_req_65_a_strangers_token"), [65]);
        assert_eq!(read("req_19_to_21_and_23_times"), [19, 20, 21, 23]);
        assert!(read("a_request_of_5").is_empty());
    }

    #[test]
    fn what_nothing_names_is_missing() {
        let text = "fn req_1_to_79_all() {\n    async fn req_81_last() {";
        assert_eq!(missing([text]), ["no test is named after REQ-80"]);
    }
}
