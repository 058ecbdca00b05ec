// Writes what Node.js and the machine's command line tools compress to the standard output: node samples.mjs > ../node.jsonl
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import zlib from "node:zlib";

const FIRST = '{"id":"a","card":"4111111111111111","text":"€ {}"}';
const SECOND = '{"id":"b","amount":12345678901234567890.1}';
const LINES = Buffer.from(`${FIRST}\n${SECOND}\n`);

const put = (line) => console.log(JSON.stringify(line));
const record = (name, format, data, documents) =>
  put({ name, format, record: data.toString("base64"), documents });
const refused = (name, format, data, code) =>
  put({ name, format, record: data.toString("base64"), code });
const ran = (program, ...args) => execFileSync(program, args, { input: LINES });
const by = (program) => {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  put({ by: stdout.split("\n")[0].trim() });
};

put({ by: `node:zlib, Node.js ${process.version}` });
for (const level of [-1, 0, 1, 9]) {
  record(`gzip-${level}`, "auto", zlib.gzipSync(LINES, { level }), [FIRST, SECOND]);
  record(`zlib-${level}`, "auto", zlib.deflateSync(LINES, { level }), [FIRST, SECOND]);
}
// A window of less than 32 KiB has another first byte, which may begin a text: only the decoder by its name takes it.
const small = zlib.deflateSync(LINES, { windowBits: 12 });
record("zlib-small-window", ["zlib", "ndjson"], small, [FIRST, SECOND]);
refused("raw-deflate", ["zlib", "ndjson"], zlib.deflateRawSync(LINES), "compression_damaged");
refused("gzip-as-zlib", ["zlib", "ndjson"], zlib.gzipSync(LINES), "compression_damaged");
const dictionary = Buffer.from('"card":"id":"amount":"text":');
refused("zlib-dictionary", ["zlib", "ndjson"], zlib.deflateSync(LINES, { dictionary }), "compression_damaged");

by("gzip");
for (const level of ["-1", "-9"]) record(`command-gzip${level}`, "auto", ran("gzip", level), [FIRST, SECOND]);
const folder = mkdtempSync(join(tmpdir(), "samples-"));
try {
  const file = join(folder, "lines.json");
  writeFileSync(file, LINES);
  const named = execFileSync("gzip", ["--name", "--stdout", file]);
  record("command-gzip-name", "auto", named, [FIRST, SECOND]);
  record("command-gzip-members", "auto", Buffer.concat([named, ran("gzip")]), [FIRST, SECOND, FIRST, SECOND]);

  by("zstd");
  for (const level of ["-1", "-19", "--fast=5"]) record(`command-zstd${level}`, "auto", ran("zstd", level), [FIRST, SECOND]);
  record("command-zstd-no-check", "auto", ran("zstd", "--no-check"), [FIRST, SECOND]);
  record("command-zstd-sized", "auto", execFileSync("zstd", ["-q", "--stdout", file]), [FIRST, SECOND]);
  record("command-zstd-frames", "auto", Buffer.concat([ran("zstd"), ran("zstd")]), [FIRST, SECOND, FIRST, SECOND]);
  // A window of 128 MiB is more than any record may take; the frame says so before a byte is made.
  refused("command-zstd-long", "auto", ran("zstd", "--long=27"), "decoded_too_large");
  const dictionaryFile = join(folder, "dictionary");
  const examples = Array.from({ length: 200 }, (_, n) => join(folder, `${n}.json`));
  examples.forEach((path, n) => writeFileSync(path, `{"id":${n},"card":"4111111111111111","n":"${"x".repeat(n % 7)}"}`));
  execFileSync("zstd", ["-q", "--train", ...examples, "-o", dictionaryFile, "--maxdict=1024"], { stdio: "ignore" });
  refused("command-zstd-dictionary", "auto", ran("zstd", "-D", dictionaryFile), "compression_dictionary");
  if (readFileSync(dictionaryFile).length === 0) throw new Error("no dictionary");
} finally {
  rmSync(folder, { recursive: true });
}

// Compressions that are not known here, such as xz's, stay one document, which the redactor refuses.
