//! Files that are no strategy: each is refused at upload with its own words, and the next honest one passes.

use super::worlds::{importing, of_contract};
use super::{run_of, the_next_is_honest, told};
use crate::in_process::{runtime, settings, uploads};
use calypte_host::{Found, ShapeError, StrategyError, UploadError};
use calypte_kernel::FaultKind;
use calypte_sim::RunStatus;
use std::error::Error as _;
use tests::{calypte, component, hostile, temp_dir};

#[expect(dead_code, reason = "the fixture serves the sandbox's own tests, which use more of it")]
#[path = "../../../engine/crates/host/fixtures/guest.rs"]
mod fixture;
use fixture::Guest;

/// A loop that nothing ends.
const SPIN: &str = "(loop $for_ever (br $for_ever))";

/// `init`, `describe` and whatever runs before them have ten times the fuel of an event.
const OUT_OF_FUEL: &str = "the event used all of its 500000000 fuel";

/// Why a file is refused; after it the next honest file passes.
fn refused(bytes: Vec<u8>) -> UploadError {
    let error = runtime().block_on(uploads().load(bytes)).expect_err("it is refused");
    the_next_is_honest();
    error
}

#[test]
fn what_is_no_component_is_called_what_it_is() {
    let mut precompiled = vec![0_u8; 64];
    precompiled[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\xc8"); // 64 bits, little-endian, for wasmtime
    precompiled[16..20].copy_from_slice(&[1, 0, 62, 0]);
    precompiled[20] = 1;
    precompiled[48] = 2; // a component
    precompiled[52] = 64;
    let cases = [
        (Vec::new(), Found::Empty, "not a component: the file is empty"),
        (
            b"(component)".to_vec(),
            Found::Text,
            "not a component: this is text; upload the binary component that `calypte build` writes",
        ),
        (
            b"\0asm\x01\0\0\0".to_vec(),
            Found::CoreModule,
            "not a component: this is a core WebAssembly module; `calypte build` turns it into a component",
        ),
        (
            precompiled,
            Found::Precompiled,
            "not a component: this is precompiled code, which is never accepted; upload the component it was made from",
        ),
        (b"\x7fELF\x02\x01\x01\0".to_vec(), Found::Elf, "not a component: this is a native program (ELF)"),
        (b"\0asm".to_vec(), Found::HeaderCut, "not a component: the file ends inside its header"),
    ];
    let folder = temp_dir();
    for (bytes, what, words) in cases {
        let file = folder.path().join("file.wasm");
        std::fs::write(&file, &bytes).expect("the temporary folder takes a file");
        let error = refused(bytes);
        assert!(matches!(error, UploadError::Shape(ShapeError::NotAComponent(found)) if found == what), "{error:?}");
        assert_eq!(error.to_string(), words);
        let run = calypte(["inspect".as_ref(), file.as_os_str(), "--json".as_ref()]).exits_with(1);
        assert_eq!(run.json()["reason"], words, "{run}");
    }
}

#[test]
fn a_file_cut_in_any_of_its_sections_is_truncated() {
    let whole = std::fs::read(component("ema-atr")).expect("it was built");
    let sections = sections(&whole);
    assert!(sections.len() > 10, "{sections:?}");
    let mut refused = 0;
    for (start, end) in &sections {
        for cut in [start + 1, start + (end - start) / 2, end - 1].into_iter().filter(|cut| cut > start && cut < end) {
            let error = runtime().block_on(uploads().load(whole[..cut].to_vec())).expect_err("it is refused");
            let section_of = |error: &UploadError| match error {
                UploadError::Shape(ShapeError::Truncated { section, .. }) => Some(*section),
                _ => None,
            };
            assert_eq!(section_of(&error), Some(*start as u64), "cut at {cut}: {error:?}");
        }
        // Cut between two sections it is whole in itself: refused, or a strategy that exports less.
        match runtime().block_on(uploads().load(whole[..*start].to_vec())) {
            Ok(less) => assert_eq!(less.verdict.world.exports[0], "lifecycle", "cut before the section at {start}"),
            Err(UploadError::Shape(_) | UploadError::World(_)) => refused += 1,
            Err(error) => panic!("cut before the section at {start}: {error:?}"),
        }
    }
    assert!(refused > 10, "only {refused} of {} cuts between sections were refused", sections.len());
    the_next_is_honest();
}

/// Where the outermost sections of a component start and end.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), 8);
    while at < bytes.len() {
        let (mut length, mut shift, mut body) = (0_usize, 0, at + 1);
        loop {
            length |= usize::from(bytes[body] & 0x7f) << shift;
            shift += 7;
            body += 1;
            if bytes[body - 1] & 0x80 == 0 {
                break;
            }
        }
        found.push((at, body + length));
        at = body + length;
    }
    found
}

#[test]
fn each_difference_from_the_contract_is_named() {
    let candle = "on-candle: async func(event: candle-event) -> list<intent>;";
    let cases = [
        (candle, "", "market-events.on-candle: is missing"),
        (candle, "on-candle: func(event: candle-event) -> list<intent>;", "market-events.on-candle: is not async"),
        (
            candle,
            "on-candle: async func(event: u8) -> list<intent>;",
            "market-events.on-candle: event is u8 instead of the record `candle-event`",
        ),
        (
            candle,
            "on-candle: async func(event: candle-event) -> list<u8>;",
            "market-events.on-candle: result.list is u8 instead of the variant `intent`",
        ),
    ];
    for (from, to, words) in cases {
        let error = refused(of_contract("export lifecycle; export market-events;", from, to));
        assert!(matches!(error, UploadError::World(_)), "{error:?}");
        assert_eq!(error.to_string(), format!("does not match the contract: {words}"));
    }
    let error = refused(of_contract("export market-events;", "", ""));
    assert_eq!(error.to_string(), "does not match the contract: lifecycle: is missing");
}

#[test]
fn what_is_never_granted_is_refused_by_name() {
    let cases = [
        ("wasi:sockets@0.2.6", "tcp", "network sockets are never granted to a strategy"),
        ("wasi:http@0.2.6", "outgoing-handler", "HTTP is never granted to a strategy"),
        ("wasi:filesystem@0.2.6", "types", "files are never granted to a strategy"),
    ];
    for (package, interface, why) in cases {
        let (name, version) = package.split_once('@').expect("it has a version");
        let import = format!("{name}/{interface}@{version}");
        let error = refused(importing(&format!("package {package}; interface {interface} {{ f: func(); }}"), &import));
        assert!(matches!(error, UploadError::World(_)), "{error:?}");
        assert_eq!(error.to_string(), format!("imports what is not granted: {import}: {why}"));
    }
}

/// The fault in which a file's own account of itself ended.
fn fault_of_upload(bytes: Vec<u8>) -> calypte_kernel::Fault {
    match refused(bytes) {
        UploadError::Describe(StrategyError::Failed(fault)) => fault,
        other => panic!("{other:?} {:?}", other.source()),
    }
}

#[test]
fn a_start_function_that_loops_is_out_of_fuel_at_upload() {
    let guest = Guest { module: format!("(func $spin {SPIN}) (start $spin)"), ..Guest::default() };
    let fault = fault_of_upload(guest.component());
    assert_eq!(told(&fault), (FaultKind::EventFuel, "spin", 0, OUT_OF_FUEL), "{fault}");
}

#[test]
fn a_guest_that_cannot_describe_itself_is_refused() {
    const DESCRIBE: &str = "calypte:strategy/lifecycle@0.1.0#describe";
    const IMPURE: &str = "an import was called outside a hook: describe and start functions must not call any";
    let cases = [
        ("describe-loop", FaultKind::EventFuel, DESCRIBE, OUT_OF_FUEL),
        ("describe-imports", FaultKind::Contract, DESCRIBE, IMPURE),
    ];
    for (name, kind, function, words) in cases {
        let fault = fault_of_upload(std::fs::read(hostile(name)).expect("it was built"));
        assert_eq!(told(&fault), (kind, function, 0, words), "{name}: {fault}");
    }
    let fault = fault_of_upload(std::fs::read(hostile("describe-trap")).expect("it was built"));
    let words = "wasm trap: wasm `unreachable` instruction executed";
    assert_eq!((fault.kind, fault.event.get(), fault.detail.as_str()), (FaultKind::Trap, 0, words), "{fault}");
    assert!(fault.function.contains("describe") && !fault.function.contains("panicking"), "{fault}");
}

#[test]
fn a_table_bomb_ends_at_the_limit() {
    let guest = Guest {
        module: "(table $bomb 1 funcref)".to_owned(),
        candle: "(loop $more (br_if $more (i32.ne (table.grow $bomb (ref.null func) (i32.const 1000)) (i32.const -1))))
                 unreachable"
            .to_owned(),
        ..Guest::default()
    };
    let folder = temp_dir();
    let file = folder.path().join("table-bomb.wasm");
    std::fs::write(&file, guest.component()).expect("the temporary folder takes a file");
    let report = run_of(&file, &[], settings());
    let RunStatus::Faulted(fault) = report.outcome.status else { panic!("{:?}", report.outcome.status) };
    assert_eq!((fault.kind, fault.event.get()), (FaultKind::Memory, 2), "{fault}");
    // A thousand at a time, beside the component's own few, as long as there is room.
    assert!(fault.detail.starts_with("table limit of 20000 elements reached at 190"), "{fault}");
    the_next_is_honest();
}
