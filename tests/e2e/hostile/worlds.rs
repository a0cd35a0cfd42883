//! Components made from the contract without a compiler: of worlds that differ from it in one way.

use std::path::Path;
use tests::repository;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, SourceMap};

/// The contract's files, each with its text, but for the world.
fn contract() -> Vec<(String, String)> {
    let files = std::fs::read_dir(repository().join("wit")).expect("the contract is part of the repository");
    let mut files = files
        .map(|file| file.expect("entries of a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wit") && !path.ends_with("world.wit"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).expect("the contract can be read")))
        .collect::<Vec<_>>();
    files.sort();
    files
}

/// A component with these exports, of a contract in which one text is replaced.
pub(super) fn of_contract(exports: &str, from: &str, to: &str) -> Vec<u8> {
    let mut files = SourceMap::default();
    let mut found = from.is_empty();
    for (name, text) in contract() {
        found |= !from.is_empty() && text.contains(from);
        let text = if from.is_empty() { text } else { text.replace(from, to) };
        files.push_str(&name, text);
    }
    assert!(found, "`{from}` is not in the contract");
    files.push_str("world.wit", format!("package calypte:strategy@0.1.0; world strategy {{ import log; {exports} }}"));
    encode(Resolve::default(), files)
}

/// A component that also imports something of another package.
pub(super) fn importing(package: &str, name: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_path(repository().join("wit")).expect("the contract parses");
    resolve.push_source("other.wit", package).expect("the other package is right");
    let mut files = SourceMap::default();
    let world = format!("package test:guest; world guest {{ import {name}; export calypte:strategy/lifecycle@0.1.0; }}");
    files.push_str("guest.wit", world);
    encode(resolve, files)
}

fn encode(mut resolve: Resolve, files: SourceMap) -> Vec<u8> {
    let group = files.parse().map_err(|(_, error)| error).expect("the WIT parses");
    let package = resolve.push_group(group).expect("the WIT resolves");
    let world = resolve.select_world(&[package], None).expect("there is one world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata fits");
    let mut encoder = ComponentEncoder::default().module(&module).expect("the dummy module is right");
    encoder.encode().expect("the dummy module makes a component")
}

/// A component that keeps to the contract, with one more core module in it, as a file.
pub(super) fn with_module(module: &[u8], file: &Path) {
    const CORE_MODULE_SECTION: u8 = 1;
    let mut bytes = of_contract("export lifecycle;", "", "");
    bytes.push(CORE_MODULE_SECTION);
    let mut length = module.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).expect("seven bits"));
    bytes.extend_from_slice(module);
    std::fs::write(file, bytes).expect("the temporary folder takes a file");
}
