//! The bytes of a file: hashed as they are read, and decompressed by what they are, not by what the file is called.

use super::fault::ShapeFault;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Bytes read from the file at once.
const READ_BYTES: usize = 64 * 1024;

/// Largest window that compressed data may ask for, as a power of two: 128 MiB, what the `zstd` tool itself allows.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Bytes that tell kinds of files apart.
const MAGIC_BYTES: usize = 32;

/// What the first bytes of a file say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Gzip,
    Zstd,
    Parquet,
}

impl Kind {
    /// Reads the first bytes and goes back to the start.
    pub(super) fn of(file: &mut File) -> io::Result<Result<Self, ShapeFault>> {
        let mut magic = Vec::with_capacity(MAGIC_BYTES);
        file.take(MAGIC_BYTES as u64).read_to_end(&mut magic)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self::of_magic(&magic))
    }

    pub(super) fn of_magic(magic: &[u8]) -> Result<Self, ShapeFault> {
        let other = |what, advice| Err(ShapeFault::NotATable { what, advice });
        match magic {
            [] => Err(ShapeFault::Empty),
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            [b'P', b'A', b'R', b'1', ..] => Ok(Self::Parquet),
            [b'P', b'K', 3 | 5, ..] => other("a zip archive", "unpack it first"),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [b'F', b'E', b'A', b'1', ..] => {
                other("an Arrow or Feather file", "write it as Parquet or CSV")
            }
            [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', b'X', b'Z', ..] => {
                other("data of an unsupported compression", "unpack it first, or use gzip or zstd")
            }
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => other("UTF-16 text", "write the file again as UTF-8"),
            [b'<', ..] => other("a web page or XML", "fetch the data itself"),
            [b'{' | b'[', ..] => other("JSON", "write it as CSV or Parquet"),
            magic if magic.starts_with(b"version https://git-lfs") => Err(ShapeFault::LfsPointer),
            magic if magic.contains(&0) => other("binary data of an unknown kind", "give CSV or Parquet"),
            _ => Ok(Self::Text),
        }
    }
}

/// A reader that hashes what passes through it.
#[derive(Debug)]
pub(super) struct Hashed<R> {
    inner: R,
    hash: Sha256,
    /// How many bytes have passed.
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// Reads what is left, and gives the hash of all of it.
    fn finish(&mut self) -> io::Result<String> {
        let mut rest = vec![0; READ_BYTES];
        while self.read(&mut rest)? > 0 {}
        Ok(hex(&self.hash.clone().finalize()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// A text file, decompressed on the way.
pub(super) enum Input<R: Read> {
    Plain(Hashed<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed<R>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Hashed<R>>>>),
}

impl<R: Read> Input<R> {
    /// Over the bytes of a file of that kind.
    pub(super) fn new(reader: R, kind: Kind) -> io::Result<Self> {
        let hashed = Hashed::new(reader);
        Ok(match kind {
            Kind::Text | Kind::Parquet => Self::Plain(hashed),
            Kind::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, hashed)))),
            Kind::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(READ_BYTES, hashed))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    /// What the data is called in messages.
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Plain(_) => "text",
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
        }
    }

    /// Bytes of the file read so far, as they lie on disk.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Plain(hashed) => hashed.bytes,
            Self::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
            Self::Zstd(decoder) => decoder.get_ref().get_ref().bytes,
        }
    }

    /// SHA-256 of the file's bytes, as they lie on disk; reads what is left of them.
    pub(super) fn sha256(&mut self) -> io::Result<String> {
        match self {
            Self::Plain(hashed) => hashed.finish(),
            Self::Gzip(decoder) => decoder.get_mut().get_mut().finish(),
            Self::Zstd(decoder) => decoder.get_mut().get_mut().finish(),
        }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
        }
    }
}

/// SHA-256 of the bytes of files, one after the other, in a pass of its own.
pub(super) fn sha256_of(paths: &[PathBuf]) -> io::Result<String> {
    let mut hash = Sha256::new();
    for path in paths {
        let mut file = Hashed { inner: File::open(path)?, hash, bytes: 0 };
        io::copy(&mut file, &mut io::sink())?;
        hash = file.hash;
    }
    Ok(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_a_file_is() {
        assert_eq!(Kind::of_magic(b"open_time_ms,open"), Ok(Kind::Text));
        assert_eq!(Kind::of_magic(b"\x1f\x8b\x08"), Ok(Kind::Gzip));
        assert_eq!(Kind::of_magic(b"PAR1"), Ok(Kind::Parquet));
        assert_eq!(Kind::of_magic(b""), Err(ShapeFault::Empty));
        assert_eq!(Kind::of_magic(b"version https://git-lfs.github.com/spec/v1\n"), Err(ShapeFault::LfsPointer));
        for magic in [&b"PK\x03\x04"[..], b"ARROW1\0\0", b"\xff\xfet\0", b"BZh9", b"a\0b"] {
            assert!(matches!(Kind::of_magic(magic), Err(ShapeFault::NotATable { .. })), "{magic:?}");
        }
    }

    #[test]
    fn the_hash_is_of_the_whole_file_however_much_was_read() {
        let mut input = Input::new(&b"abc"[..], Kind::Text).expect("plain");
        let mut one = [0];
        input.read_exact(&mut one).expect("there are three");
        assert_eq!(input.sha256().expect("in memory"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
