//! The other end of `benchmarks/peers/engine_process.py`: redacts documents of a file when told to on standard input.
//!
//! Commands, each answered by a line of JSON: `time FIRST COUNT`: the seconds of CPU for so many documents of the file;
//! `write FIRST COUNT FILE`: what is released of them goes there, a line each, empty where nothing is.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;

use cpu_time::ProcessTime;

/// Redact the documents of the file that the command line names, a line each, as standard input says, until it ends.
///
/// # Errors
/// The file cannot be read, an output not be written, or a command is none of those above.
pub fn serve(mut redact: impl FnMut(&[u8]) -> Result<Vec<u8>, String>) -> io::Result<()> {
    let name = std::env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let body = std::fs::read(name)?;
    let documents: Vec<&[u8]> = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    println!("{{\"documents\": {}}}", documents.len());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["time", first, count] => {
                let chosen = chosen(&documents, first, count)?;
                let began = ProcessTime::now();
                for document in chosen {
                    let _ = black_box(redact(document));
                }
                println!("{{\"seconds\": {:.9}}}", began.elapsed().as_secs_f64());
            }
            ["write", first, count, file] => {
                write(
                    Path::new(file),
                    chosen(&documents, first, count)?,
                    &mut redact,
                )?;
                println!("{{}}");
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(())
}

fn chosen<'a, 'b>(
    documents: &'b [&'a [u8]],
    first: &str,
    count: &str,
) -> io::Result<&'b [&'a [u8]]> {
    let number = |text: &str| {
        text.parse::<usize>()
            .map_err(|_| io::ErrorKind::InvalidInput)
    };
    let (first, count) = (number(first)?, number(count)?);
    documents
        .get(first..first + count)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn write(
    file: &Path,
    documents: &[&[u8]],
    redact: &mut impl FnMut(&[u8]) -> Result<Vec<u8>, String>,
) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for document in documents {
        match redact(document) {
            Ok(released) => out.write_all(&released)?,
            Err(why) => eprintln!("not released: {why}"),
        }
        out.write_all(b"\n")?;
    }
    out.flush()
}
