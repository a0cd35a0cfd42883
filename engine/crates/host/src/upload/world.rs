//! Whether a component keeps to the contract: it imports nothing but what we grant, and what it exports of the contract's
//! interfaces has exactly the contract's types.
//!
//! Both sides are types, not names: the component's come from the validator that has just read it, the contract's from the
//! WIT files that are part of this program. A development tool that decodes components into WIT exists, but hostile bytes
//! go through one hardened parser here, not two.

use crate::upload::printable;
use crate::upload::shape::Shaped;
use std::fmt;
use wasmparser::component_types::{ComponentEntityType, ComponentInstanceTypeId};
use wasmparser::types::TypesRef;

pub(in crate::upload) mod contract;
mod same;
pub(in crate::upload) mod wasi;

use contract::{CONTRACT, Interface, Named};

/// Mismatches that are listed of one component; the rest is counted by nobody.
const MISMATCHES_MAX: usize = 100;

/// What a component imports and exports, once it has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Every import, by its full name.
    pub imports: Vec<String>,
    /// The contract's interfaces that it exports, by their short names: `lifecycle`, `market-events`.
    pub exports: Vec<String>,
    /// Exports that are not the contract's. Toolchains leave some; they are never called.
    pub other_exports: Vec<String>,
}

/// An import that is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedImport {
    /// Its full name.
    pub name: String,
    /// What it is.
    pub kind: ImportKind,
}

/// What kind of import is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// Network sockets and name look-up.
    Sockets,
    /// HTTP.
    Http,
    /// Files and directories.
    Filesystem,
    /// Another part of WASI.
    OtherWasi,
    /// The contract in a version that this engine does not offer.
    OtherVersion,
    /// Something that is neither the contract's nor WASI's.
    Unknown,
}

impl fmt::Display for RefusedImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            ImportKind::Sockets => "network sockets are never granted to a strategy",
            ImportKind::Http => "HTTP is never granted to a strategy",
            ImportKind::Filesystem => "files are never granted to a strategy",
            ImportKind::OtherWasi => "this part of WASI is not granted to a strategy",
            ImportKind::OtherVersion => "this engine offers version 0.1 of the contract",
            ImportKind::Unknown => "only the interfaces of calypte:strategy are granted to a strategy",
        };
        write!(f, "{}: {why}", self.name)
    }
}

/// One item in which a component differs from the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The item: `lifecycle`, `market-events.on-candle`.
    pub item: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It has to be there.
    Missing,
    /// The contract has no such item.
    Unknown,
    /// The contract has it in another version.
    OtherVersion(String),
    /// It is something else than the contract says.
    NotAn(&'static str),
    /// The contract says `async func`.
    NotAsync,
    /// The contract says plain `func`.
    NotPlain,
    /// It has another number of parameters.
    Parameters {
        /// As the contract has it.
        wanted: usize,
        /// As it is.
        found: usize,
    },
    /// A type differs.
    Type {
        /// Where in the signature: `event.candle.open`, `result`.
        place: String,
        /// As the contract has it.
        wanted: String,
        /// As it is.
        found: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.item)?;
        match &self.problem {
            Problem::Missing => f.write_str("is missing"),
            Problem::Unknown => f.write_str("is not in the contract"),
            Problem::OtherVersion(version) => write!(f, "is of version {version}, this engine runs version 0.1"),
            Problem::NotAn(wanted) => write!(f, "is not {wanted}"),
            Problem::NotAsync => f.write_str("is not async"),
            Problem::NotPlain => f.write_str("is async, the contract has a plain function"),
            Problem::Parameters { wanted, found } => write!(f, "has {found} parameters instead of {wanted}"),
            Problem::Type { place, wanted, found } => write!(f, "{place} is {found} instead of {wanted}"),
        }
    }
}

/// Why a component does not keep to the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// It asks for what nobody gets; the author does without.
    #[error("imports what is not granted: {}", list(.0))]
    RefusedImports(Vec<RefusedImport>),
    /// It differs from the contract; the author builds it against this version of the contract.
    #[error("does not match the contract: {}", list(.0))]
    Mismatch(Vec<Mismatch>),
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Checks imports, then exports.
pub(crate) fn check(shaped: &Shaped) -> Result<World, WorldError> {
    let mut check = Check { types: shaped.types.as_ref(), mismatches: Vec::new() };
    check.imports(&shaped.imports)?;
    let (exports, other_exports) = check.exports(&shaped.exports);
    if !check.mismatches.is_empty() {
        return Err(WorldError::Mismatch(check.mismatches));
    }
    Ok(World { imports: shaped.imports.iter().map(|name| printable(name)).collect(), exports, other_exports })
}

struct Check<'a> {
    types: TypesRef<'a>,
    mismatches: Vec<Mismatch>,
}

impl Check<'_> {
    /// Refuses every import that is not granted; of ours, the types have to be ours too.
    fn imports(&mut self, names: &[String]) -> Result<(), WorldError> {
        let mut refused = Vec::new();
        for name in names {
            match CONTRACT.import(name) {
                Named::Ours(interface) => {
                    let instance = self.types.component_item_for_import(name).map(|item| item.ty);
                    self.interface(interface, instance, Direction::Import);
                }
                Named::OtherVersion(_) => refused.push((name, ImportKind::OtherVersion)),
                Named::UnknownInterface => refused.push((name, ImportKind::Unknown)),
                Named::Foreign => refused.extend(wasi::refusal(name).map(|kind| (name, kind))),
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        let refused = refused.into_iter().take(MISMATCHES_MAX);
        Err(WorldError::RefusedImports(refused.map(|(name, kind)| RefusedImport { name: printable(name), kind }).collect()))
    }

    /// Holds what is exported of the contract against it, and says which of it there is, and what else there is.
    fn exports(&mut self, names: &[String]) -> (Vec<String>, Vec<String>) {
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for name in names {
            match CONTRACT.export(name) {
                Named::Ours(interface) => {
                    let instance = self.types.component_item_for_export(name).map(|item| item.ty);
                    self.interface(interface, instance, Direction::Export);
                    ours.push(interface.name.clone());
                }
                Named::OtherVersion(version) => self.push(printable(name), Problem::OtherVersion(printable(version))),
                Named::UnknownInterface => self.push(printable(name), Problem::Unknown),
                Named::Foreign => others.push(printable(name)),
            }
        }
        for required in contract::REQUIRED {
            if !ours.iter().any(|name| name == required) {
                self.push(required.to_owned(), Problem::Missing);
            }
        }
        (ours, others)
    }

    /// An interface of the contract against the instance of that name.
    fn interface(&mut self, interface: &Interface, found: Option<ComponentEntityType>, direction: Direction) {
        let Some(ComponentEntityType::Instance(instance)) = found else {
            self.push(interface.name.clone(), Problem::NotAn("an interface"));
            return;
        };
        let types = self.types;
        for (name, item) in types.get(instance).into_iter().flat_map(|instance| &instance.exports) {
            let known = interface.functions.iter().any(|function| function.name == *name);
            if matches!(item.ty, ComponentEntityType::Func(_)) && !known {
                self.push(format!("{}.{}", interface.name, printable(name)), Problem::Unknown);
            }
        }
        for function in &interface.functions {
            if let Some(problem) = self.function(instance, function, direction) {
                self.push(format!("{}.{}", interface.name, function.name), problem);
            }
        }
    }

    /// A function of the contract against the export of that name in an instance.
    fn function(
        &self,
        instance: ComponentInstanceTypeId,
        wanted: &wit_parser::Function,
        direction: Direction,
    ) -> Option<Problem> {
        let Some(item) = self.types[instance].exports.get(&wanted.name) else {
            return match direction {
                // A guest may import less.
                Direction::Import => None,
                Direction::Export => Some(Problem::Missing),
            };
        };
        let ComponentEntityType::Func(found) = item.ty else { return Some(Problem::NotAn("a function")) };
        same::function(self.types, &self.types[found], &CONTRACT.resolve, wanted)
    }

    fn push(&mut self, item: String, problem: Problem) {
        if self.mismatches.len() < MISMATCHES_MAX {
            self.mismatches.push(Mismatch { item, problem });
        }
    }
}

/// Which way an interface crosses.
#[derive(Clone, Copy)]
enum Direction {
    Import,
    Export,
}

#[cfg(test)]
mod tests;
