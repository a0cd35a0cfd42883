//! Streams and waiting. Standard input is at its end; what is written becomes lines of the log; nothing can be waited for but
//! what is ready, since time stands still while a hook runs.

use super::bindings::wasi::io::error;
use super::bindings::wasi::io::poll;
use super::bindings::wasi::io::streams::{self, StreamError};
use super::handles::{Input, Never, Output, Pollable};
use crate::guest::{Broken, Guest, Phase};
use crate::imports::printable;
use crate::meter::{CALL_WORK, ITEM_WORK};
use calypte_kernel::{FaultKind, LogLevel};
use wasmtime::Result;
use wasmtime::component::Resource;

/// Bytes of one write: what the interface promises to take at once.
const WRITE_BYTES_MAX: u64 = 4_096;
/// Bytes kept of what an event wrote to standard error, for the words of its fault.
const LAST_WORDS_BYTES_MAX: usize = 300;

/// The line of a stream that has not ended yet. Its bytes come in pieces, and a character may be cut between two of them.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Line {
    /// Appends what fits: the rest of a long line is cut.
    fn push(&mut self, bytes: &[u8], bytes_max: usize) {
        let room = bytes_max.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Ends the line.
    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.0);
        String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes)).into_owned()
    }
}

impl Guest {
    /// A handle for the guest.
    pub(super) fn handle<T: Send + 'static>(&mut self, entry: T) -> Result<Resource<T>> {
        let handles_max = self.limits.handles_max;
        let table = &mut self.wasi(CALL_WORK)?.table;
        let full = |_| Broken::contract(format!("the guest holds more than {handles_max} streams and pollables"));
        table.push(entry).map_err(full)
    }

    /// A handle was dropped.
    pub(super) fn delete<T: 'static>(&mut self, handle: Resource<T>) -> Result<()> {
        self.wasi(CALL_WORK)?.table.delete(handle)?;
        Ok(())
    }

    /// A handle of something to wait for.
    pub(super) fn pollable(&mut self, pollable: Pollable) -> Result<Resource<Pollable>> {
        self.handle(pollable)
    }

    fn is_ready(&mut self, pollable: &Resource<Pollable>) -> Result<bool> {
        let now = self.instant();
        Ok(self.wasi(ITEM_WORK)?.table.get(pollable)?.ready_at <= now)
    }

    /// Takes bytes of a stream and logs the lines that end in them.
    fn print(&mut self, stream: &Resource<Output>, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 > WRITE_BYTES_MAX {
            return Err(Broken::contract(format!("{} bytes were written at once; {WRITE_BYTES_MAX} may be", bytes.len())));
        }
        let stream = *self.wasi(CALL_WORK)?.table.get(stream)?;
        let outside = self.phase == Phase::Outside;
        if outside {
            self.meter.work(bytes.len() as u64)?;
        } else {
            self.write(bytes.len() as u64)?;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let bytes_max = self.limits.log_line_bytes_max;
            let line = match stream {
                Output::Standard => &mut self.wasi.output,
                Output::Error => &mut self.wasi.error,
            };
            let Some(end) = piece.strip_suffix(b"\n") else {
                line.push(piece, bytes_max);
                break;
            };
            line.push(end, bytes_max);
            let text = line.take();
            self.meter.work(ITEM_WORK)?;
            let level = match stream {
                Output::Standard => LogLevel::Info,
                Output::Error => {
                    self.remember(&text);
                    LogLevel::Warn
                }
            };
            if !outside {
                self.log(level, &text);
            }
        }
        Ok(())
    }

    /// Keeps the end of what an event wrote to standard error.
    fn remember(&mut self, line: &str) {
        let event = self.event.number.get();
        let (of, words) = &mut self.wasi.last_words;
        if *of != event {
            *of = event;
            words.clear();
        }
        if !words.is_empty() {
            words.push_str(" | ");
        }
        words.push_str(&printable(line, LAST_WORDS_BYTES_MAX));
        let past = words.len().saturating_sub(LAST_WORDS_BYTES_MAX);
        words.drain(..words.ceil_char_boundary(past));
    }

    fn print_zeros(&mut self, stream: &Resource<Output>, len: u64) -> Result<()> {
        // Before there are as many of them.
        let len = usize::try_from(len.min(WRITE_BYTES_MAX + 1))?;
        self.print(stream, &vec![0; len])
    }
}

type Streamed<T> = Result<std::result::Result<T, StreamError>>;

impl streams::Host for Guest {}

impl streams::HostInputStream for Guest {
    fn read(&mut self, _: Resource<Input>, _len: u64) -> Streamed<Vec<u8>> {
        self.wasi(CALL_WORK)?;
        Ok(Err(StreamError::Closed))
    }

    fn blocking_read(&mut self, stream: Resource<Input>, len: u64) -> Streamed<Vec<u8>> {
        streams::HostInputStream::read(self, stream, len)
    }

    fn skip(&mut self, _: Resource<Input>, _len: u64) -> Streamed<u64> {
        self.wasi(CALL_WORK)?;
        Ok(Err(StreamError::Closed))
    }

    fn blocking_skip(&mut self, stream: Resource<Input>, len: u64) -> Streamed<u64> {
        self.skip(stream, len)
    }

    fn subscribe(&mut self, _: Resource<Input>) -> Result<Resource<Pollable>> {
        self.pollable(Pollable { ready_at: 0 })
    }

    fn drop(&mut self, stream: Resource<Input>) -> Result<()> {
        self.delete(stream)
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, _: Resource<Output>) -> Streamed<u64> {
        self.wasi(CALL_WORK)?;
        Ok(Ok(WRITE_BYTES_MAX))
    }

    fn write(&mut self, stream: Resource<Output>, contents: Vec<u8>) -> Streamed<()> {
        self.print(&stream, &contents).map(Ok)
    }

    fn blocking_write_and_flush(&mut self, stream: Resource<Output>, contents: Vec<u8>) -> Streamed<()> {
        self.print(&stream, &contents).map(Ok)
    }

    fn flush(&mut self, _: Resource<Output>) -> Streamed<()> {
        self.wasi(CALL_WORK)?;
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, stream: Resource<Output>) -> Streamed<()> {
        self.flush(stream)
    }

    fn subscribe(&mut self, _: Resource<Output>) -> Result<Resource<Pollable>> {
        self.pollable(Pollable { ready_at: 0 })
    }

    fn write_zeroes(&mut self, stream: Resource<Output>, len: u64) -> Streamed<()> {
        self.print_zeros(&stream, len).map(Ok)
    }

    fn blocking_write_zeroes_and_flush(&mut self, stream: Resource<Output>, len: u64) -> Streamed<()> {
        self.print_zeros(&stream, len).map(Ok)
    }

    /// The only stream that can be read is at its end.
    fn splice(&mut self, _: Resource<Output>, from: Resource<Input>, len: u64) -> Streamed<u64> {
        streams::HostInputStream::skip(self, from, len)
    }

    fn blocking_splice(&mut self, stream: Resource<Output>, from: Resource<Input>, len: u64) -> Streamed<u64> {
        self.splice(stream, from, len)
    }

    fn drop(&mut self, stream: Resource<Output>) -> Result<()> {
        self.delete(stream)
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        self.wasi(CALL_WORK)?;
        if pollables.is_empty() {
            return Err(Broken::contract("poll was called with nothing to wait for"));
        }
        let mut ready = Vec::new();
        for (place, pollable) in (0..).zip(&pollables) {
            if self.is_ready(pollable)? {
                ready.push(place);
            }
        }
        if ready.is_empty() { Err(waits()) } else { Ok(ready) }
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, pollable: Resource<Pollable>) -> Result<bool> {
        self.wasi(CALL_WORK)?;
        self.is_ready(&pollable)
    }

    fn block(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        self.wasi(CALL_WORK)?;
        if self.is_ready(&pollable)? { Ok(()) } else { Err(waits()) }
    }

    fn drop(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        self.delete(pollable)
    }
}

fn waits() -> wasmtime::Error {
    let detail = "the guest waits for time to pass, which it does not do during an event; set a timer and return";
    wasmtime::Error::new(Broken { kind: FaultKind::Deadlock, detail: detail.to_owned() })
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, _: Resource<Never>) -> Result<String> {
        self.wasi(CALL_WORK)?;
        Ok(String::new())
    }

    fn drop(&mut self, error: Resource<Never>) -> Result<()> {
        self.delete(error)
    }
}
