//! The contract as this program was built with it.

use std::sync::LazyLock;
use wit_parser::{Function, Resolve, SourceMap, WorldItem};

/// The files of `wit/`, part of the program so that nothing has to be found at run time.
pub(in crate::upload) const FILES: [(&str, &str); 4] = [
    ("types.wit", include_str!("../../../../../../wit/types.wit")),
    ("imports.wit", include_str!("../../../../../../wit/imports.wit")),
    ("exports.wit", include_str!("../../../../../../wit/exports.wit")),
    ("world.wit", include_str!("../../../../../../wit/world.wit")),
];

const WORLD: &str = "strategy";
const PACKAGE: &str = "calypte:strategy/";
/// Versions that agree in these parts understand each other: below 1.0 the minor number counts as the major one.
const MAJOR_MINOR: &str = "0.1.";
/// What every strategy has to export. Every other interface is a wish.
pub(super) const REQUIRED: [&str; 1] = ["lifecycle"];

/// The contract.
pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::embedded);

/// The contract's interfaces, each with its functions.
pub(super) struct Contract {
    pub(super) resolve: Resolve,
    imports: Vec<Interface>,
    exports: Vec<Interface>,
}

/// An interface of the contract.
pub(super) struct Interface {
    /// Its short name: `market-events`.
    pub(super) name: String,
    pub(super) functions: Vec<Function>,
}

/// Whose a name is.
pub(super) enum Named<'a> {
    /// An interface of the contract in a version we understand.
    Ours(&'static Interface),
    /// The contract's, in a version we do not understand.
    OtherVersion(&'a str),
    /// The contract's package and version, but no such interface.
    UnknownInterface,
    /// Not the contract's.
    Foreign,
}

impl Contract {
    fn embedded() -> Self {
        let mut files = SourceMap::default();
        for (name, text) in FILES {
            files.push_str(name, text);
        }
        let mut resolve = Resolve::default();
        let group = files.parse().map_err(|(_, error)| error).expect("the contract's own files parse, a test loads them");
        let package = resolve.push_group(group).expect("the contract's own files resolve, a test loads them");
        let world = resolve.packages[package].worlds[WORLD];
        let interfaces = |items: &wit_parser::IndexMap<wit_parser::WorldKey, WorldItem>| {
            items
                .values()
                .filter_map(|item| match item {
                    WorldItem::Interface { id, .. } => {
                        let interface = &resolve.interfaces[*id];
                        let functions = interface.functions.values().cloned().collect();
                        Some(Interface { name: interface.name.clone()?, functions })
                    }
                    WorldItem::Function(_) | WorldItem::Type { .. } => None,
                })
                .collect::<Vec<_>>()
        };
        let imports = interfaces(&resolve.worlds[world].imports);
        let exports = interfaces(&resolve.worlds[world].exports);
        Self { resolve, imports, exports }
    }

    /// Whose an imported name is.
    pub(super) fn import<'a>(&'static self, name: &'a str) -> Named<'a> {
        named(&self.imports, name)
    }

    /// Whose an exported name is.
    pub(super) fn export<'a>(&'static self, name: &'a str) -> Named<'a> {
        named(&self.exports, name)
    }
}

fn named<'a>(interfaces: &'static [Interface], name: &'a str) -> Named<'a> {
    let Some(rest) = name.strip_prefix(PACKAGE) else { return Named::Foreign };
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    if !version.starts_with(MAJOR_MINOR) {
        return Named::OtherVersion(version);
    }
    interfaces.iter().find(|known| known.name == interface).map_or(Named::UnknownInterface, Named::Ours)
}
