//! Components made from the contract, without a compiler: right ones, and ones that are wrong in one way.

use crate::upload::world::contract::FILES;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, SourceMap};

/// The folder of what is granted of WASI.
const GRANTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wit");

/// Imports a little and exports what most strategies do.
const WORLD: &str = "package calypte:strategy@0.1.0;
    world strategy { import log; import events; export lifecycle; export market-events; }";

/// A component that keeps to the contract.
pub(crate) fn honest() -> Vec<u8> {
    of_world(WORLD)
}

/// A component of another world over the contract's interfaces.
pub(crate) fn of_world(world: &str) -> Vec<u8> {
    of_contract(world, str::to_owned)
}

/// A component of a changed contract.
pub(crate) fn of_contract(world: &str, edit: impl Fn(&str) -> String) -> Vec<u8> {
    let mut files = SourceMap::default();
    for (name, text) in FILES {
        files.push_str(name, if name == "world.wit" { world.to_owned() } else { edit(text) });
    }
    encode(Resolve::default(), files)
}

/// A component that also imports something of another package.
pub(crate) fn importing(package: &str, name: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut files = SourceMap::default();
    for (name, text) in FILES {
        files.push_str(name, text);
    }
    resolve.push_group(files.parse().map_err(|(_, error)| error).expect("the contract parses")).expect("it resolves");
    resolve.push_source("other.wit", package).expect("the other package is right");
    let mut files = SourceMap::default();
    let world = format!("package test:guest; world guest {{ import {name}; export calypte:strategy/lifecycle@0.1.0; }}");
    files.push_str("guest.wit", world);
    encode(resolve, files)
}

/// A component that imports interfaces of what is granted of WASI, all their functions.
pub(crate) fn importing_granted(names: &[String]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut files = SourceMap::default();
    for (name, text) in FILES {
        files.push_str(name, text);
    }
    resolve.push_group(files.parse().map_err(|(_, error)| error).expect("the contract parses")).expect("it resolves");
    resolve.push_dir(GRANTED).expect("what is granted of WASI parses");
    let imports = names.iter().map(|name| format!("import {name};")).collect::<Vec<_>>().concat();
    let mut files = SourceMap::default();
    files.push_str(
        "guest.wit",
        format!("package test:guest; world guest {{ {imports} export calypte:strategy/lifecycle@0.1.0; }}"),
    );
    encode(resolve, files)
}

/// The imports of the world that the linker is made of.
pub(crate) fn granted() -> Vec<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(GRANTED).expect("what is granted of WASI parses");
    let world = resolve.select_world(&[package], Some("granted")).expect("it is there");
    resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect()
}

fn encode(mut resolve: Resolve, files: SourceMap) -> Vec<u8> {
    let group = files.parse().map_err(|(_, error)| error).expect("the sample's WIT parses");
    let package = resolve.push_group(group).expect("the sample's WIT resolves");
    let world = resolve.select_world(&[package], None).expect("there is one world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata fits");
    let mut encoder = ComponentEncoder::default().module(&module).expect("the dummy module is right");
    encoder.encode().expect("the dummy module makes a component")
}

/// The honest component with one more core module in it.
pub(crate) fn with_module(module: &[u8]) -> Vec<u8> {
    const CORE_MODULE_SECTION: u8 = 1;
    with_section(CORE_MODULE_SECTION, module)
}

/// The honest component with one more section at its end.
pub(crate) fn with_section(id: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = honest();
    bytes.push(id);
    leb(&mut bytes, contents.len());
    bytes.extend_from_slice(contents);
    bytes
}

/// Appends an unsigned LEB128 number.
pub(crate) fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}
