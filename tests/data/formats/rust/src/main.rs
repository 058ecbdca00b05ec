//! Writes recorded samples to the standard output: `cargo run --quiet > ../rust.jsonl`.

use std::collections::HashMap;
use std::io::Write;

use apache_avro::types::Value;
use apache_avro::{to_avro_datum, Days, Decimal, Duration, Millis, Months, Schema, Uuid};
use base64::prelude::{Engine, BASE64_STANDARD};
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::Compression;
use prost::Message;
use serde_json::json;

const LEDGER: &str = include_str!("../../schemas/ledger.avsc");
const FIRST: &str = r#"{"id":"a","card":"4111111111111111","text":"€ {}"}"#;
const SECOND: &str = r#"{"id":"b","amount":12345678901234567890.1}"#;

const PROTO: &str = r#"
syntax = "proto3";
package shop;
message Parcel {
  message Item { string name = 1; uint64 grams = 2; repeated Item inside = 3; }
  string id = 1;
  repeated Item items = 2;
  map<string, sint64> sizes = 3;
  oneof way { string road = 4; Item crate = 5; bool air = 6; }
  optional double value = 7;
  repeated sfixed64 codes = 8;
  bytes seal = 9;
  Kind kind = 10;
  enum Kind { UNKNOWN = 0; SMALL = 1; LARGE = 2; }
}
"#;

#[derive(Clone, PartialEq, Message)]
struct Item {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint64, tag = "2")]
    grams: u64,
    #[prost(message, repeated, tag = "3")]
    inside: Vec<Item>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Way {
    #[prost(string, tag = "4")]
    Road(String),
    #[prost(message, tag = "5")]
    Crate(Item),
    #[prost(bool, tag = "6")]
    Air(bool),
}

#[derive(Clone, PartialEq, Message)]
struct Parcel {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, repeated, tag = "2")]
    items: Vec<Item>,
    #[prost(btree_map = "string, sint64", tag = "3")]
    sizes: std::collections::BTreeMap<String, i64>,
    #[prost(oneof = "Way", tags = "4, 5, 6")]
    way: Option<Way>,
    #[prost(double, optional, tag = "7")]
    value: Option<f64>,
    #[prost(sfixed64, repeated, tag = "8")]
    codes: Vec<i64>,
    #[prost(bytes = "vec", tag = "9")]
    seal: Vec<u8>,
    #[prost(int32, tag = "10")]
    kind: i32,
}

fn main() {
    by("apache-avro 0.21");
    schema("301", "avsc", LEDGER);
    avro();
    by("prost 0.13");
    schema("302", "proto", PROTO);
    protobuf();
    by("flate2 1 (miniz_oxide)");
    for level in [0, 1, 6, 9] {
        record(
            &format!("gzip-{level}"),
            json!("auto"),
            &gzip(&lines(), level),
            &[FIRST, SECOND],
        );
        record(
            &format!("zlib-{level}"),
            json!("auto"),
            &zlib(&lines(), level),
            &[FIRST, SECOND],
        );
    }
    by("zstd 0.13 (libzstd)");
    for level in [-5, 1, 19] {
        let made = zstd::encode_all(lines().as_slice(), level).unwrap();
        record(
            &format!("zstd-{level}"),
            json!("auto"),
            &made,
            &[FIRST, SECOND],
        );
    }
    // Streamed at this level, a frame wants a window of 128 MiB, which is more than a record may take.
    let wide = zstd::encode_all(lines().as_slice(), 22).unwrap();
    put(
        json!({"name": "zstd-22", "format": "auto", "record": BASE64_STANDARD.encode(wide), "code": "decoded_too_large"}),
    );
    let sized = zstd::bulk::compress(&lines(), 3).unwrap();
    record(
        "zstd-sized",
        json!(["zstd", "ndjson"]),
        &sized,
        &[FIRST, SECOND],
    );
    let inside = zstd::bulk::compress(&gzip(&lines(), 6), 3).unwrap();
    record("zstd-gzip", json!("auto"), &inside, &[FIRST, SECOND]);
}

fn avro() {
    let schema = Schema::parse_str(LEDGER).unwrap();
    let entry = |inner: Value| {
        Value::Record(vec![
            (
                "id".into(),
                Value::Uuid(Uuid::from_u128(0x0123456789abcdef0123456789abcdef)),
            ),
            (
                "amount".into(),
                Value::Decimal(Decimal::from((-1234567890123456789i64).to_be_bytes())),
            ),
            ("on".into(), Value::Date(-1)),
            ("at".into(), Value::TimestampMicros(1_700_000_000_123_456)),
            ("fine".into(), Value::TimestampNanos(-1)),
            (
                "local".into(),
                Value::LocalTimestampNanos(1_700_000_000_123_456_789),
            ),
            (
                "term".into(),
                Value::Duration(Duration::new(
                    Months::new(1),
                    Days::new(2),
                    Millis::new(3_004),
                )),
            ),
            ("kind".into(), Value::Enum(1, "CREDIT".into())),
            (
                "rates".into(),
                Value::Map(HashMap::from([
                    ("EUR".into(), Value::Float(0.1)),
                    ("USD".into(), Value::Float(1.5e-7)),
                ])),
            ),
            ("of".into(), inner),
        ])
    };
    let shown = |inner: &str| {
        format!(
            concat!(
                r#"{{"id":"01234567-89ab-cdef-0123-456789abcdef","amount":-12345678901234567.89,"on":"1969-12-31","#,
                r#""at":"2023-11-14T22:13:20.123456Z","fine":"1969-12-31T23:59:59.999999999Z","#,
                r#""local":"2023-11-14T22:13:20.123456789","term":"P1M2DT3.004S","kind":"CREDIT","#,
                r#""rates":{{"EUR":0.1,"USD":1.5e-7}},"of":{}}}"#
            ),
            inner
        )
    };
    let none = entry(Value::Union(0, Box::new(Value::Null)));
    let text = entry(Value::Union(
        1,
        Box::new(Value::String("4111111111111111".into())),
    ));
    let inner = entry(Value::Union(2, Box::new(text.clone())));
    for (name, value, expected) in [
        ("avro-none", none, shown("null")),
        ("avro-text", text, shown(r#""4111111111111111""#)),
        ("avro-inner", inner, shown(&shown(r#""4111111111111111""#))),
    ] {
        let payload = to_avro_datum(&schema, value).unwrap();
        record(
            name,
            json!("confluent"),
            &framed(301, &payload),
            &[&expected],
        );
    }
}

fn protobuf() {
    let item = |name: &str, inside| Item {
        name: name.into(),
        grams: u64::MAX,
        inside,
    };
    let parcel = Parcel {
        id: "p-1".into(),
        items: vec![
            item("box", vec![item("card 4111111111111111", vec![])]),
            Item::default(),
        ],
        sizes: [("x".into(), -3), ("".into(), i64::MIN)].into(),
        way: Some(Way::Crate(item("crate", vec![]))),
        value: Some(0.0),
        codes: vec![-1, 0, i64::MAX],
        seal: vec![0, 255],
        kind: 2,
    };
    let expected = json!({
        "id": "p-1",
        "items": [
            {"name": "box", "grams": "18446744073709551615",
             "inside": [{"name": "card 4111111111111111", "grams": "18446744073709551615"}]},
            {}
        ],
        "sizes": {"x": "-3", "": "-9223372036854775808"},
        "crate": {"name": "crate", "grams": "18446744073709551615"},
        "value": 0.0,
        "codes": ["-1", "0", "9223372036854775807"],
        "seal": "AP8=",
        "kind": "LARGE"
    });
    let mut payload = vec![0];
    parcel.encode(&mut payload).unwrap();
    record(
        "protobuf",
        json!("confluent"),
        &framed(302, &payload),
        &[&expected.to_string()],
    );

    let way = Parcel {
        way: Some(Way::Air(false)),
        kind: 7,
        ..Parcel::default()
    };
    let mut payload = vec![2, 0]; // one index, which is 0, written at length
    way.encode(&mut payload).unwrap();
    record(
        "protobuf-oneof",
        json!("confluent"),
        &framed(302, &payload),
        &[r#"{"air":false,"kind":7}"#],
    );

    let way = Parcel {
        way: Some(Way::Road("A1".into())),
        ..Parcel::default()
    };
    let mut payload = vec![0];
    way.encode(&mut payload).unwrap();
    record(
        "protobuf-road",
        json!("confluent"),
        &framed(302, &payload),
        &[r#"{"road":"A1"}"#],
    );
}

fn lines() -> Vec<u8> {
    format!("{FIRST}\n{SECOND}\n").into_bytes()
}

fn gzip(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Confluent, "Wire format": a byte 0 and the id in four bytes.
fn framed(id: u32, payload: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), payload].concat()
}

fn by(name: &str) {
    put(json!({"by": format!("{name}, Rust")}));
}

fn schema(id: &str, suffix: &str, text: &str) {
    put(json!({"schema": id, "suffix": suffix, "text": text}));
}

fn record(name: &str, format: serde_json::Value, data: &[u8], documents: &[&str]) {
    let record = BASE64_STANDARD.encode(data);
    put(json!({"name": name, "format": format, "record": record, "documents": documents}));
}

fn put(line: serde_json::Value) {
    println!("{line}");
}
