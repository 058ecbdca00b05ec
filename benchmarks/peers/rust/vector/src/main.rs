//! Vector's VRL, as a `remap` transform runs it: parses, removes what stands under known names, redacts by patterns.

use std::collections::BTreeMap;
use std::io;

use vrl::compiler::runtime::Runtime;
use vrl::compiler::state::RuntimeState;
use vrl::compiler::{TargetValue, TimeZone, compile};
use vrl::value::{Secrets, Value};

const PROGRAM: &str = include_str!("redact.vrl");

fn main() -> io::Result<()> {
    let compiled = compile(PROGRAM, &vrl::stdlib::all())
        .map_err(|wrong| io::Error::other(format!("{:?}", wrong.errors())))?;
    let zone = TimeZone::default();
    let mut runtime = Runtime::new(RuntimeState::default());
    harness::serve(|body| {
        let mut target = TargetValue {
            value: Value::from(BTreeMap::from([("message".into(), Value::from(body))])),
            metadata: Value::Object(BTreeMap::new()),
            secrets: Secrets::default(),
        };
        let released = runtime.resolve(&mut target, &compiled.program, &zone);
        runtime.clear();
        match released {
            Ok(Value::String(text)) => Ok(text.as_bytes().to_vec()),
            Ok(other) => Err(format!("no text, but {other}")),
            Err(error) => Err(error.to_string()),
        }
    })
}
