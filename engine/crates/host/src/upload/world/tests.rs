//! Worlds: what a component may import and must export.

use super::*;
use crate::upload::limits::UploadLimits;
use crate::upload::shape;
use crate::upload::tests::samples;

fn verdict(file: &[u8]) -> Result<World, WorldError> {
    check(&shape::check(file, &UploadLimits::default()).expect("its shape is right"))
}

/// The mismatches of a component, as they are printed.
fn mismatches(file: &[u8]) -> Vec<String> {
    match verdict(file) {
        Err(WorldError::Mismatch(items)) => items.iter().map(ToString::to_string).collect(),
        other => panic!("no mismatch: {other:?}"),
    }
}

const WORLD: &str = "package calypte:strategy@0.1.0;
    world strategy { import log; import market; export lifecycle; export market-events; export parameter-events; }";

/// The mismatches of a component of a contract in which one thing is different.
fn changed(from: &str, to: &str) -> Vec<String> {
    let edits = std::cell::Cell::new(0);
    let file = samples::of_contract(WORLD, |text| {
        edits.set(edits.get() + text.matches(from).count());
        text.replace(from, to)
    });
    assert!(edits.get() > 0, "`{from}` is not in the contract");
    mismatches(&file)
}

#[test]
fn a_component_of_the_contract_passes() {
    let world = verdict(&samples::of_world(WORLD)).expect("it matches");
    assert_eq!(world.exports, ["lifecycle", "market-events", "parameter-events"]);
    assert!(world.imports.contains(&"calypte:strategy/market@0.1.0".to_owned()));
    assert!(world.other_exports.is_empty());
}

#[test]
fn the_whole_world_passes_and_so_does_the_least() {
    let whole = contract::FILES.iter().find(|(name, _)| *name == "world.wit").expect("it is there").1;
    assert_eq!(verdict(&samples::of_world(whole)).expect("it matches").exports.len(), 7);
    let least = "package calypte:strategy@0.1.0; world strategy { export lifecycle; }";
    assert_eq!(verdict(&samples::of_world(least)).expect("it matches").exports, ["lifecycle"]);
}

#[test]
fn lifecycle_is_required() {
    let file = samples::of_world("package calypte:strategy@0.1.0; world strategy { export market-events; }");
    assert_eq!(mismatches(&file), ["lifecycle: is missing"]);
    assert_eq!(mismatches(b"\0asm\x0d\0\x01\0"), ["lifecycle: is missing"]);
}

#[test]
fn each_difference_is_named() {
    let cases = [
        ("on-quote: async func(event: quote-event) -> list<intent>;", "", "market-events.on-quote: is missing"),
        ("on-candle: async func", "on-candle: func", "market-events.on-candle: is not async"),
        ("describe: func", "describe: async func", "lifecycle.describe: is async, the contract has a plain function"),
        (
            "on-candle: async func(event: candle-event)",
            "on-candle: async func(event: string)",
            "market-events.on-candle: event is string instead of the record `candle-event`",
        ),
        (
            "on-candle: async func(event: candle-event)",
            "on-candle: async func(event: candle-event, more: u8)",
            "market-events.on-candle: has 2 parameters instead of 1",
        ),
        (
            "on-candle: async func(event: candle-event)",
            "on-candle: async func(bar: candle-event)",
            "market-events.on-candle: a parameter is `bar` instead of `event`",
        ),
        (
            "on-candle: async func(event: candle-event) -> list<intent>",
            "on-candle: async func(event: candle-event) -> list<u8>",
            "market-events.on-candle: result.list is u8 instead of the variant `intent`",
        ),
        (
            "on-candle: async func(event: candle-event) -> list<intent>",
            "on-candle: async func(event: candle-event)",
            "market-events.on-candle: result is nothing instead of a list",
        ),
        ("result<_, string>", "result<u8, string>", "parameter-events.on-params: result.ok is u8 instead of nothing"),
    ];
    for (from, to, said) in cases {
        assert_eq!(changed(from, to), [said], "{from} -> {to}");
    }
}

#[test]
fn a_type_deep_inside_is_named_with_its_place() {
    let said = changed("scale: u8,", "scale: u16,");
    assert!(said.contains(&"market-events.on-candle: event.candle.open.scale is u16 instead of u8".to_owned()), "{said:?}");
    // Imports are held against the contract like exports.
    assert!(said.iter().any(|item| item.starts_with("market.round-price: ")), "{said:?}");
}

#[test]
fn fields_and_cases_are_compared_by_name_and_order() {
    let said = changed("        operator,\n", "        boss,\n");
    assert_eq!(said, ["lifecycle.on-stop: reason.a field or case is `boss` instead of `operator`"]);
}

#[test]
fn an_import_that_the_contract_lacks_is_named() {
    let said =
        changed("write: func(level: level, message: string);", "write: func(level: level, message: string); shout: func();");
    assert_eq!(said, ["log.shout: is not in the contract"]);
}

#[test]
fn another_version_of_the_contract_is_said_to_be_one() {
    let newer = |text: &str| text.replace("@0.1.0", "@0.2.0");
    let file = samples::of_contract(&newer("package calypte:strategy@0.1.0; world strategy { export lifecycle; }"), newer);
    assert_eq!(
        verdict(&file).expect_err("it is refused").to_string(),
        "imports what is not granted: calypte:strategy/types@0.2.0: this engine offers version 0.1 of the contract"
    );
    let later = |text: &str| text.replace("@0.1.0", "@0.1.7");
    let file = samples::of_contract(&later(WORLD), later);
    assert_eq!(verdict(&file).expect("a patch changes nothing").exports.len(), 3);
}

#[test]
fn exports_that_are_not_the_contracts_are_left_alone() {
    let world = "package calypte:strategy@0.1.0; world strategy { export lifecycle; export cabi-extra: func(); }";
    assert_eq!(verdict(&samples::of_world(world)).expect("it matches").other_exports, ["cabi-extra"]);
}

#[test]
fn what_is_never_granted_is_refused_by_name() {
    let cases = [
        ("wasi:sockets@0.2.6", "tcp", "network sockets are never granted to a strategy"),
        ("wasi:http@0.2.6", "outgoing-handler", "HTTP is never granted to a strategy"),
        ("wasi:filesystem@0.2.6", "types", "files are never granted to a strategy"),
        ("wasi:keyvalue@0.2.6", "store", "this part of WASI is not granted to a strategy"),
        ("wasi:clocks@0.3.0", "monotonic-clock", "this part of WASI is not granted to a strategy"),
        ("evil:corp@1.0.0", "exfiltrate", "only the interfaces of calypte:strategy are granted to a strategy"),
    ];
    for (package, interface, why) in cases {
        let (name, version) = package.split_once('@').expect("it has a version");
        let import = format!("{name}/{interface}@{version}");
        let file = samples::importing(&format!("package {package}; interface {interface} {{ f: func(); }}"), &import);
        let said = verdict(&file).expect_err("it is refused").to_string();
        assert_eq!(said, format!("imports what is not granted: {import}: {why}"));
    }
}

#[test]
fn what_a_language_runtime_needs_is_granted() {
    let file =
        samples::importing("package wasi:clocks@0.2.6; interface wall-clock { f: func(); }", "wasi:clocks/wall-clock@0.2.6");
    assert!(verdict(&file).is_ok());
}

#[test]
fn what_is_granted_of_wasi_is_what_the_linker_offers() {
    let granted = samples::granted();
    let names = granted.iter().map(|name| name.split('@').next().expect("a first part")).collect::<Vec<_>>();
    let mut listed = wasi::GRANTED;
    listed.sort_unstable();
    let mut offered = names.clone();
    offered.sort_unstable();
    assert_eq!(offered, listed);
    // Each alone and all together pass the check, and the linker has every function of them.
    let engine = wasmtime::Engine::new(&crate::engine::config(&crate::SandboxSettings {
        instances_max: 1,
        ..crate::SandboxSettings::default()
    }))
    .expect("address space for one instance");
    let linker = crate::imports::linker(&engine).expect("the host's functions fit");
    let alone = granted.iter().map(std::slice::from_ref);
    for names in alone.chain([granted.as_slice()]) {
        let file = samples::importing_granted(names);
        let world = verdict(&file).unwrap_or_else(|error| panic!("{names:?}: {error}"));
        assert!(names.iter().all(|name| world.imports.contains(name)), "{names:?}: {world:?}");
        let component = wasmtime::component::Component::from_binary(&engine, &file).expect("it compiles");
        let linked = linker.instantiate_pre(&component);
        assert!(linked.is_ok(), "{names:?}: {:?}", linked.err());
    }
}

#[test]
fn a_function_that_a_granted_interface_lacks_is_not_linked() {
    let engine = wasmtime::Engine::default();
    let linker = crate::imports::linker(&engine).expect("the host's functions fit");
    let file = samples::importing("package wasi:random@0.2.99; interface random { f: func(); }", "wasi:random/random@0.2.99");
    assert!(verdict(&file).is_ok(), "by its name it is granted");
    let component = wasmtime::component::Component::from_binary(&engine, &file).expect("it compiles");
    let error = linker.instantiate_pre(&component).err().expect("there is no such function");
    assert!(format!("{error:#}").contains("wasi:random/random"), "{error:#}");
}
