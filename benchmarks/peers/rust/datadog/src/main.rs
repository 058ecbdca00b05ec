//! Datadog's Sensitive Data Scanner over parsed JSON, field by field, with a rule for each of our detectors that its
//! validators and keywords allow. Its own library of rules is part of Datadog's service, not of the crate: these are
//! written here, after the same forms.

use std::io;

use dd_sds::{
    Event, EventVisitor, MatchAction, Path, PathSegment, RegexRuleConfig, RootRuleConfig, Scanner,
    ScannerError, SecondaryValidator, Utf8Encoding,
};
use serde_json::Value;

const REPLACEMENT: &str = "[REDACTED]";
const PHONE_WORDS: [&str; 8] = [
    "phone", "tel", "mobile", "cell", "call", "fax", "whatsapp", "sms",
];

/// A document whose numbers are searched, too; one that has to go becomes a text.
struct Document(Value);

impl Event for Document {
    type Encoding = Utf8Encoding;

    fn visit_event<'a>(
        &'a mut self,
        visitor: &mut impl EventVisitor<'a>,
    ) -> Result<(), ScannerError> {
        visit(&self.0, visitor)
    }

    fn visit_string_mut(&mut self, path: &Path, change: impl FnOnce(&mut String) -> bool) {
        let Some(value) =
            path.segments
                .iter()
                .try_fold(&mut self.0, |value, segment| match segment {
                    PathSegment::Field(name) => value.get_mut(name.as_ref()),
                    PathSegment::Index(index) => value.get_mut(index),
                })
        else {
            return;
        };
        match value {
            Value::String(text) => {
                change(text);
            }
            number => {
                let mut text = number.to_string();
                if change(&mut text) {
                    *number = Value::String(text);
                }
            }
        }
    }
}

fn visit<'a>(value: &'a Value, visitor: &mut impl EventVisitor<'a>) -> Result<(), ScannerError> {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            visitor.visit_string(&number.to_string())?;
        }
        Value::String(text) => {
            visitor.visit_string(text)?;
        }
        Value::Object(fields) => {
            for (name, child) in fields {
                visitor.push_segment(name.as_str().into());
                visit(child, visitor)?;
                visitor.pop_segment();
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                visitor.push_segment(PathSegment::Index(index));
                visit(child, visitor)?;
                visitor.pop_segment();
            }
        }
    }
    Ok(())
}

fn rules() -> Vec<RegexRuleConfig> {
    let rule = RegexRuleConfig::new;
    vec![
        rule(r"\b[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}\b")
            .with_validator(Some(SecondaryValidator::LuhnChecksum)),
        rule(r"\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b")
            .with_validator(Some(SecondaryValidator::LuhnChecksum)),
        rule(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
            .with_validator(Some(SecondaryValidator::IbanChecker)),
        rule(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"),
        rule(r"\b\d{3}-\d{2}-\d{4}\b"),
        rule(r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"),
        rule(r"\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b"),
        rule(r"\+\d{1,3}[ ./()-]?(?:\d[ ./()-]{0,2}){6,12}\d\b"),
        rule(r"\b(?:\(\d{2,4}\)|\d{2,4})[ ./-]?\d{3,4}[ ./-]?\d{3,5}\b")
            .with_included_keywords(PHONE_WORDS),
        rule(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
        rule(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        rule(r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}\b"),
        rule(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
        rule(r"\bBearer [A-Za-z0-9._~+/-]{16,}=*"),
        rule(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----"),
    ]
}

fn main() -> io::Result<()> {
    let rules: Vec<_> = rules()
        .into_iter()
        .map(|rule| {
            RootRuleConfig::new(rule.build()).match_action(MatchAction::redact(REPLACEMENT))
        })
        .collect();
    let scanner = Scanner::builder(&rules)
        .build()
        .map_err(|error| io::Error::other(error.to_string()))?;
    harness::serve(|body| {
        let mut document =
            Document(serde_json::from_slice(body).map_err(|error| error.to_string())?);
        scanner
            .scan(&mut document)
            .map_err(|error| error.to_string())?;
        serde_json::to_vec(&document.0).map_err(|error| error.to_string())
    })
}
