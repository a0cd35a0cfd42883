//! Counts the declarations inside component types without trusting their nesting.
//!
//! A component type holds declarations, which hold types, which hold declarations. The library's reader recurses as deep as
//! the file says, three bytes a level, which is enough to overflow the stack of the whole process. So the nesting is
//! walked here first, to a fixed depth; only then does the library read the section.

use super::{ShapeError, features, invalid};
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType, ComponentTypeRef,
    ComponentTypeSectionReader, CoreType,
};

/// Levels of component and instance types inside one another. Types past it could not be valid: the validator allows as many.
const LEVELS_MAX: u32 = 100;

/// Adds the types of a section, with everything declared inside them, to what was `found` before; at most `max`.
pub(super) fn count(file: &[u8], section: &ComponentTypeSectionReader<'_>, found: u64, max: u64) -> Result<u64, ShapeError> {
    // Behind the section's count, which the section has read already.
    let start = section.original_position();
    let items = file.get(start..section.range().end).unwrap_or_default();
    let mut reader = BinaryReader::new_features(items, start, features());
    let mut walk = Walk { found, max };
    for _ in 0..section.count() {
        walk.r#type(&mut reader, 0)?;
    }
    Ok(walk.found)
}

struct Walk {
    found: u64,
    max: u64,
}

impl Walk {
    fn one_more(&mut self) -> Result<(), ShapeError> {
        self.found = self.found.saturating_add(1);
        if self.found > self.max {
            return Err(ShapeError::TooLarge { what: "types", limit: self.max, found: self.found });
        }
        Ok(())
    }

    fn r#type(&mut self, reader: &mut BinaryReader<'_>, level: u32) -> Result<(), ShapeError> {
        self.one_more()?;
        if level > LEVELS_MAX {
            let (limit, found) = (LEVELS_MAX.into(), level.into());
            return Err(ShapeError::TooLarge { what: "nesting of component types", limit, found });
        }
        let mut inside = reader.clone();
        match read_u8(&mut inside)? {
            COMPONENT | INSTANCE => {
                *reader = inside;
                let declarations = reader.read_var_u32().map_err(|error| invalid(&error))?;
                (0..declarations).try_for_each(|_| self.declaration(reader, level))
            }
            _ => leaf::<ComponentType<'_>>(reader),
        }
    }

    fn declaration(&mut self, reader: &mut BinaryReader<'_>, level: u32) -> Result<(), ShapeError> {
        self.one_more()?;
        let offset = reader.original_position() as u64;
        match read_u8(reader)? {
            0x00 => leaf::<CoreType<'_>>(reader),
            0x01 => self.r#type(reader, level.saturating_add(1)),
            0x02 => leaf::<ComponentAlias<'_>>(reader),
            0x03 => leaf::<ComponentImport<'_>>(reader),
            0x04 => {
                leaf::<ComponentExternName<'_>>(reader)?;
                leaf::<ComponentTypeRef>(reader)
            }
            byte => Err(ShapeError::Invalid { words: format!("no declaration starts with the byte {byte:#04x}"), offset }),
        }
    }
}

const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;

fn read_u8(reader: &mut BinaryReader<'_>) -> Result<u8, ShapeError> {
    reader.read_u8().map_err(|error| invalid(&error))
}

/// Reads something that holds no further types.
fn leaf<'a, T: wasmparser::FromReader<'a>>(reader: &mut BinaryReader<'a>) -> Result<(), ShapeError> {
    reader.read::<T>().map(drop).map_err(|error| invalid(&error))
}
