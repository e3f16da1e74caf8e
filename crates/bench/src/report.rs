//! What a scenario brought: named figures, as a table and as JSON.

use serde_json::{Map, Value, json};

/// Exit code of a run whose figures mean nothing.
pub const VOID: u8 = 3;

/// One figure.
#[derive(Debug, Clone)]
struct Figure {
    key: &'static str,
    value: Value,
    unit: &'static str,
    help: &'static str,
}

/// The figures of one run.
#[derive(Debug, Clone)]
pub struct Report {
    scenario: String,
    setting: Vec<(&'static str, Value)>,
    figures: Vec<Figure>,
    notes: Vec<String>,
    void: Vec<String>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_owned(),
            setting: Vec::new(),
            figures: Vec::new(),
            notes: Vec::new(),
            void: Vec::new(),
        }
    }

    /// Says how the run was set up.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.setting.push((key, value.into()));
    }

    /// Adds a figure.
    pub fn add(
        &mut self,
        key: &'static str,
        value: impl Into<Value>,
        unit: &'static str,
        help: &'static str,
    ) {
        self.figures.push(Figure { key, value: rounded(value.into()), unit, help });
    }

    /// Adds what a reader of the figures should know.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Says why the figures mean nothing.
    pub fn void(&mut self, why: impl Into<String>) {
        self.void.push(why.into());
    }

    /// Whether they mean nothing.
    #[must_use]
    pub fn is_void(&self) -> bool {
        !self.void.is_empty()
    }

    /// The figure with this name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.figures.iter().find(|figure| figure.key == key).map(|figure| &figure.value)
    }

    /// All of it as one object, the figures by their names.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut all = Map::new();
        all.insert("scenario".to_owned(), Value::from(self.scenario.as_str()));
        let setting = self.setting.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        all.insert("setting".to_owned(), Value::Object(setting.collect()));
        for figure in &self.figures {
            all.insert(figure.key.to_owned(), figure.value.clone());
        }
        all.insert("notes".to_owned(), json!(self.notes));
        all.insert("void".to_owned(), json!(self.void));
        Value::Object(all)
    }

    /// All of it for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{}: {}\n", self.scenario, self.setting_line());
        for figure in &self.figures {
            let value = format!("{} {}", shown(&figure.value), figure.unit);
            text.push_str(&format!(
                "  {:26} {:>18}  {}\n",
                figure.key,
                value.trim_end(),
                figure.help
            ));
        }
        for note in &self.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        for why in &self.void {
            text.push_str(&format!("  VOID: {why}\n"));
        }
        text
    }

    /// All of it as a part of a page.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}", self.scenario);
        for (key, value) in &self.setting {
            if ["receiving_transports", "shape"].contains(key) {
                text.push_str(&format!(", {} {key}", shown(value)).replace("_", " "));
            }
        }
        text.push_str(&format!("\n\n{}.\n\n", self.setting_line()));
        for why in &self.void {
            text.push_str(&format!("**Void:** {why}.\n\n"));
        }
        text.push_str("| Figure | Value | Meaning |\n| --- | --- | --- |\n");
        for figure in &self.figures {
            let value = format!("{} {}", shown(&figure.value), figure.unit);
            text.push_str(&format!(
                "| `{}` | {} | {} |\n",
                figure.key,
                value.trim_end(),
                figure.help
            ));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            text.push_str(&format!("- {note}\n"));
        }
        text
    }

    fn setting_line(&self) -> String {
        let all = self.setting.iter().map(|(key, value)| format!("{key} {}", shown(value)));
        all.collect::<Vec<_>>().join(", ")
    }
}

/// No more digits than a measurement has.
fn rounded(value: Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() => {
            let digits = if number.abs() < 10.0 { 10_000.0 } else { 100.0 };
            json!((number * digits).round() / digits)
        }
        _ => value,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Object(members) => {
            let all = members.iter().map(|(key, value)| format!("{key}: {}", shown(value)));
            all.collect::<Vec<_>>().join(" · ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_appears_under_its_name_in_every_form() {
        let mut report = Report::new("call");
        report.set("publishers", 1);
        report.add("loss", 0.000_123_456, "", "part that did not arrive");
        report.add("packets_per_s", 1_234.567, "", "delivered");
        report.note("said");
        assert_eq!(report.json()["loss"], json!(0.0001));
        assert_eq!(report.json()["packets_per_s"], json!(1_234.57));
        assert_eq!(report.get("loss"), Some(&json!(0.0001)));
        assert!(report.table().contains("packets_per_s") && report.markdown().contains("`loss`"));
        assert!(!report.is_void());
        report.void("too much was lost");
        assert!(report.is_void() && report.table().contains("VOID"));
    }
}
