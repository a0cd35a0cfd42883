//! Shapes: what is refused before anything is compiled.

use super::*;
use crate::tests::allocated::most_allocated;
use crate::tests::fixture::Guest;
use crate::tests::mutated::{cases, mutated};
use crate::upload::tests::samples;
use proptest::prelude::*;

fn refused(bytes: &[u8]) -> ShapeError {
    check(bytes, &UploadLimits::default()).err().expect("it is refused")
}

fn module(text: &str) -> Vec<u8> {
    samples::with_module(&wat::parse_str(text).expect("the module is right"))
}

const COMPONENT_SECTION: u8 = 4;

/// A component with something of everything that is counted.
fn rich() -> Vec<u8> {
    let mut file = module(
        r#"(module
            (type (func (param i32 i32 i64) (result i32 i64)))
            (import "env" "tick" (func))
            (func (export "run") (local i32 i32 f64)
                block block block local.get 0 br_table 0 1 2 0 1 2 end end end)
            (func $begin)
            (start $begin)
            (global (mut i32) (i32.const 1)) (global i64 (i64.const 2))
            (memory 3) (table 17 funcref)
            (data (i32.const 0) "abc") (data (i32.const 9) "def")
            (elem (i32.const 0) func $begin) (elem (i32.const 1) func $begin)
            (@custom "notes" "some bytes of no use"))"#,
    );
    let inner = wat::parse_str("(component (component))").expect("the component is right");
    file.push(COMPONENT_SECTION);
    samples::leb(&mut file, inner.len());
    file.extend_from_slice(&inner);
    file
}

#[test]
fn what_is_not_a_component_is_named() {
    let engine = wasmtime::Engine::default();
    let precompiled = engine.precompile_component(&samples::honest()).expect("it compiles");
    let precompiled_module = engine.precompile_module(b"\0asm\x01\0\0\0").expect("it compiles");
    let cases: [(&[u8], Found); 14] = [
        (b"", Found::Empty),
        (b"\0asm\x01\0\0\0", Found::CoreModule),
        (b"\0asm\x0d\0\x02\0", Found::OtherVersion),
        (&precompiled, Found::Precompiled),
        (&precompiled_module, Found::Precompiled),
        (b"(component)", Found::Text),
        ("fn main() { println!(\"Grüße\"); }\n".as_bytes(), Found::Text),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", Found::Elf),
        (b"\x1f\x8b\x08\0\0\0\0\0", Found::Gzip),
        (b"PK\x03\x04\x14\0", Found::Zip),
        (b"\0as", Found::HeaderCut),
        (b"\0asm\x0d\0", Found::HeaderCut),
        (b"\xff\xfe\x00\x01\x02", Found::Unknown([0xff, 0xfe, 0, 1])),
        (b"\xff", Found::Unknown([0xff, 0, 0, 0])),
    ];
    for (bytes, found) in cases {
        assert_eq!(refused(bytes), ShapeError::NotAComponent(found));
    }
}

#[test]
fn an_honest_component_is_counted() {
    let file = samples::honest();
    let shaped = check(&file, &UploadLimits::default()).expect("it keeps to the limits");
    assert_eq!(shaped.shape.file_bytes, file.len() as u64);
    assert!(shaped.shape.functions > 5 && shaped.shape.core_modules >= 1, "{:?}", shaped.shape);
    assert!(shaped.imports.contains(&"calypte:strategy/log@0.1.0".to_owned()), "{:?}", shaped.imports);
    assert!(shaped.exports.contains(&"calypte:strategy/lifecycle@0.1.0".to_owned()), "{:?}", shaped.exports);
}

type Limit = (fn(&mut UploadLimits) -> &mut u64, fn(&Shape) -> u64);

#[test]
fn every_limit_holds_to_the_unit() {
    let limits: [Limit; 22] = [
        (|l| &mut l.file_bytes_max, |s| s.file_bytes),
        (|l| &mut l.core_modules_max, |s| s.core_modules),
        (|l| &mut l.components_max, |s| s.components),
        (|l| &mut l.types_max, |s| s.types),
        (|l| &mut l.imports_max, |s| s.imports),
        (|l| &mut l.exports_max, |s| s.exports),
        (|l| &mut l.component_items_max, |s| s.component_items),
        (|l| &mut l.functions_max, |s| s.functions),
        (|l| &mut l.function_bytes_max, |s| s.function_bytes_largest),
        (|l| &mut l.function_locals_max, |s| s.function_locals_largest),
        (|l| &mut l.locals_max, |s| s.locals),
        (|l| &mut l.params_max, |s| s.params_largest),
        (|l| &mut l.results_max, |s| s.results_largest),
        (|l| &mut l.nesting_max, |s| s.nesting_deepest),
        (|l| &mut l.br_table_max, |s| s.br_table_longest),
        (|l| &mut l.globals_max, |s| s.globals),
        (|l| &mut l.memories_max, |s| s.memories),
        (|l| &mut l.memory_pages_max, |s| s.memory_pages),
        (|l| &mut l.tables_max, |s| s.tables),
        (|l| &mut l.table_elements_max, |s| s.table_elements),
        (|l| &mut l.data_segments_max, |s| s.data_segments),
        (|l| &mut l.custom_bytes_max, |s| s.custom_bytes),
    ];
    let file = rich();
    let shape = check(&file, &UploadLimits::default()).expect("it keeps to the defaults").shape;
    for (limit, count) in limits {
        let found = count(&shape);
        assert!(found > 0, "the sample holds something of everything: {shape:?}");
        let mut just = UploadLimits::default();
        *limit(&mut just) = found;
        assert!(check(&file, &just).is_ok(), "what is as large as the limit passes: {just:?}");
        *limit(&mut just) = found - 1;
        match check(&file, &just).err() {
            Some(ShapeError::TooLarge { limit, found: over, .. }) => assert!(limit == found - 1 && over >= found),
            other => panic!("one below {found} gave {other:?}"),
        }
    }
}

#[test]
fn depth_names_and_element_segments_have_limits_too() {
    let file = rich();
    let says = |limits: UploadLimits| check(&file, &limits).err();
    let too_large = |what, limit, found| Some(ShapeError::TooLarge { what, limit, found });
    let defaults = UploadLimits::default();
    assert_eq!(says(UploadLimits { depth_max: 2, ..defaults }), too_large("nesting of components", 2, 3));
    assert_eq!(
        says(UploadLimits { element_segments_max: 0, ..defaults }).map(|error| match error {
            ShapeError::TooLarge { what, .. } => what,
            _ => "another",
        }),
        Some("element segments")
    );
    assert!(matches!(
        says(UploadLimits { name_bytes_max: 3, ..defaults }),
        Some(ShapeError::TooLarge { what: "bytes of a name", limit: 3, .. })
    ));
}

#[test]
fn a_start_function_is_counted_and_not_refused() {
    let starts = |file: &[u8]| check(file, &UploadLimits::default()).expect("it passes").shape.start_functions;
    assert_eq!(starts(&rich()), starts(&samples::honest()) + 1);
}

#[test]
fn proposals_that_are_left_out_are_refused_by_name() {
    let cases = [
        ("(module (func (drop (v128.const i64x2 0 0))))", "simd"),
        ("(module (memory i64 1))", "memory64"),
        ("(module (memory 1 1 shared))", "threads"),
        ("(module (memory 1) (memory 1))", "multi-memory"),
        ("(module (func $f return_call $f))", "tail-call"),
        ("(module (tag))", "exceptions"),
        ("(module (type (struct)))", "gc"),
        ("(module (type $f (func)) (func (param (ref $f)) unreachable))", "function-references"),
    ];
    for (text, proposal) in cases {
        let ShapeError::Proposal { what, .. } = refused(&module(text)) else { panic!("{text}: {:?}", refused(&module(text))) };
        assert!(what.contains(proposal), "{text}: {what}");
    }
}

#[test]
fn streams_and_futures_are_refused() {
    let cases = [
        ("(component (type $s (stream u8)) (core func (canon stream.new $s)))", "streams"),
        ("(component (type $f (future u8)) (core func (canon future.new $f)))", "futures"),
    ];
    for (text, what) in cases {
        let file = wat::parse_str(text).expect("the component is right");
        assert!(matches!(refused(&file), ShapeError::Proposal { what: found, .. } if found == what));
    }
}

#[test]
fn component_types_inside_one_another_do_not_overflow_the_stack() {
    const COMPONENT_TYPE_SECTION: u8 = 7;
    // One type; it is a component type with one declaration; that is a type; and so on, three bytes a level.
    for kind in [0x41, 0x42] {
        let mut types = vec![1];
        types.extend([kind, 1, 1].repeat(1_000_000));
        let file = samples::with_section(COMPONENT_TYPE_SECTION, &types);
        let what = "nesting of component types";
        assert_eq!(refused(&file), ShapeError::TooLarge { what, limit: 100, found: 101 });
    }
}

#[test]
fn invalid_code_is_refused_with_its_place() {
    let mut file = samples::honest();
    let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\x6a\x0b";
    file.push(1);
    samples::leb(&mut file, module.len());
    file.extend_from_slice(module);
    let ShapeError::Invalid { words, offset } = refused(&file) else { panic!("an add of nothing is not valid") };
    assert!(words.contains("type mismatch") && offset > 0, "{words} at {offset}");
}

#[test]
fn a_cut_file_is_called_truncated_wherever_it_is_cut() {
    let file = rich();
    let mut boundaries = vec![8];
    let mut at = 8;
    while at < file.len() {
        let mut length = 0_usize;
        let mut shift = 0;
        at += 1;
        while file[at] & 0x80 != 0 {
            length |= usize::from(file[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
        }
        length |= usize::from(file[at]) << shift;
        at += 1 + length;
        boundaries.push(at);
    }
    assert!(boundaries.len() > 10 && boundaries.last() == Some(&file.len()));
    for cut in 1..file.len() {
        // Near every boundary, and here and there in between.
        let near = boundaries.iter().any(|boundary| boundary.abs_diff(cut) <= 2);
        if !near && cut % 37 != 0 {
            continue;
        }
        let said = check(&file[..cut], &UploadLimits::default());
        match said {
            Err(ShapeError::NotAComponent(Found::HeaderCut)) => assert!(cut < 8),
            Err(ShapeError::Truncated { section, missing }) => {
                assert!(!boundaries.contains(&cut));
                assert!(section < cut as u64 && missing > 0);
            }
            // Cut between two sections it is a whole file of less; what it lacks the world check finds.
            Ok(_) => assert!(boundaries.contains(&cut)),
            Err(other) => panic!("cut at {cut}: {other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_the_checks(bytes in proptest::collection::vec(any::<u8>(), 0..512), header: bool) {
        let mut file = if header { b"\0asm\x0d\0\x01\0".to_vec() } else { Vec::new() };
        file.extend(bytes);
        let said = crate::upload::check(&file, &UploadLimits::default());
        prop_assert!(said.is_err());
    }
}

/// Most memory that looking at a file as small as these takes.
const CHECK_BYTES_MAX: usize = 16 << 20;

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn fuzz_no_change_of_a_valid_component_panics_the_checks_or_takes_memory(
        file in mutated(vec![samples::honest(), rich(), Guest::default().component()]),
    ) {
        // Any verdict will do, as long as there is one.
        let (said, most) = most_allocated(|| crate::upload::check(&file, &UploadLimits::default()));
        prop_assert!(most < CHECK_BYTES_MAX, "{} bytes", most);
        if let Err(error) = said {
            let words = error.to_string();
            prop_assert!(!words.is_empty() && words.len() < 8_192, "{}", words);
        }
    }
}
