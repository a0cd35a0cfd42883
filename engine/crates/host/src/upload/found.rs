//! What a file is that is not a component, and whether a component is whole.

use crate::upload::shape::ShapeError;
use std::fmt;
use wasmtime::Engine;

/// Something that was uploaded in the place of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No bytes.
    Empty,
    /// A core module.
    CoreModule,
    /// A component of a version of the format that is not ours.
    OtherVersion,
    /// Code compiled ahead of time. Loading it would run it outside the sandbox.
    Precompiled,
    /// Text.
    Text,
    /// A native program or library of Linux.
    Elf,
    /// A gzip archive.
    Gzip,
    /// A zip archive.
    Zip,
    /// A file that ends inside its own header.
    HeaderCut,
    /// Something else, by its first bytes.
    Unknown([u8; 4]),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::CoreModule => f.write_str("this is a core WebAssembly module; `calypte build` turns it into a component"),
            Self::OtherVersion => f.write_str("this is a component of a format version that this engine does not read"),
            Self::Precompiled => {
                f.write_str("this is precompiled code, which is never accepted; upload the component it was made from")
            }
            Self::Text => f.write_str("this is text; upload the binary component that `calypte build` writes"),
            Self::Elf => f.write_str("this is a native program (ELF)"),
            Self::Gzip => f.write_str("this is a gzip archive; upload the component itself"),
            Self::Zip => f.write_str("this is a zip archive; upload the component itself"),
            Self::HeaderCut => f.write_str("the file ends inside its header"),
            Self::Unknown(first) => write!(f, "the file starts with the bytes {}", crate::upload::hex(first)),
        }
    }
}

const MAGIC: &[u8] = b"\0asm";
const COMPONENT_VERSION: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
const MODULE_VERSION: &[u8] = &[0x01, 0x00, 0x00, 0x00];
const HEADER_BYTES: usize = 8;

/// How much of a file is looked at to tell text from other bytes.
const TEXT_PROBE_BYTES_MAX: usize = 4_096;

/// What the bytes are, unless they start as a component does.
pub(crate) fn not_a_component(bytes: &[u8]) -> Option<Found> {
    if bytes.is_empty() {
        return Some(Found::Empty);
    }
    // First of all, since precompiled code is an ELF file itself.
    if Engine::detect_precompiled(bytes).is_some() {
        return Some(Found::Precompiled);
    }
    if let Some(version) = bytes.strip_prefix(MAGIC) {
        return match version.get(..HEADER_BYTES - MAGIC.len()) {
            None => Some(Found::HeaderCut),
            Some(COMPONENT_VERSION) => None,
            Some(MODULE_VERSION) => Some(Found::CoreModule),
            Some(_) => Some(Found::OtherVersion),
        };
    }
    Some(match bytes {
        _ if MAGIC.starts_with(bytes) => Found::HeaderCut,
        [0x7f, b'E', b'L', b'F', ..] => Found::Elf,
        [0x1f, 0x8b, ..] => Found::Gzip,
        [b'P', b'K', 3 | 5 | 7, ..] => Found::Zip,
        _ if is_text(bytes) => Found::Text,
        _ => {
            let mut first = [0; 4];
            first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            Found::Unknown(first)
        }
    })
}

/// Whether the beginning reads as UTF-8 text without control characters.
fn is_text(bytes: &[u8]) -> bool {
    let probe = &bytes[..bytes.len().min(TEXT_PROBE_BYTES_MAX)];
    let text = match std::str::from_utf8(probe) {
        Ok(text) => text,
        // Only the character at the cut may be incomplete.
        Err(error) if error.error_len().is_none() => match std::str::from_utf8(&probe[..error.valid_up_to()]) {
            Ok(text) => text,
            Err(_) => return false,
        },
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

/// Checks that the outermost sections end where the file ends, so that a cut file is called that and not «invalid».
pub(crate) fn sections_whole(bytes: &[u8]) -> Result<(), ShapeError> {
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let cut = |missing: usize| ShapeError::Truncated { section: at as u64, missing: missing as u64 };
        // One byte says which section, then its length stands as LEB128. A length that is not one is the validator's matter.
        let (length, width) = match leb_u32(&bytes[at + 1..]) {
            Leb::Value { value, width } => (value as usize, width),
            Leb::Cut => return Err(cut(1)),
            Leb::TooLong => return Ok(()),
        };
        let body = at + 1 + width;
        let present = bytes.len() - body;
        if length > present {
            return Err(cut(length - present));
        }
        at = body + length;
    }
    Ok(())
}

enum Leb {
    Value { value: u32, width: usize },
    Cut,
    TooLong,
}

/// Reads an unsigned LEB128 number of at most 32 bits.
fn leb_u32(bytes: &[u8]) -> Leb {
    const WIDTH_MAX: usize = 5;
    let mut value: u64 = 0;
    for index in 0..WIDTH_MAX {
        let Some(byte) = bytes.get(index) else { return Leb::Cut };
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return u32::try_from(value).map_or(Leb::TooLong, |value| Leb::Value { value, width: index + 1 });
        }
    }
    Leb::TooLong
}
