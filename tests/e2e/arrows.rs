//! Dependencies between our crates point one way, and the dangerous ones have one home.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tests::{repository, run};

/// Each crate of the engine with those of ours it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("calypte", &["calypte-host", "calypte-venues", "calypte-sim", "calypte-devnet", "calypte-kernel"]),
    ("calypte-host", &["calypte-kernel"]),
    ("calypte-venues", &["calypte-kernel"]),
    ("calypte-sim", &["calypte-kernel"]),
    ("calypte-devnet", &["calypte-sim", "calypte-venues", "calypte-kernel"]),
    ("calypte-kernel", &[]),
    ("calypte-strategy", &["calypte-strategy-macros"]),
    ("calypte-strategy-macros", &[]),
];

/// What a strategy may use of ours: it is written against the contract alone.
const GUEST_ARROWS: &[&str] = &["calypte-strategy"];

/// Dependencies that only the crates named may have.
const HOMES: &[(&str, &[&str])] = &[
    ("wasmtime", &["calypte-host"]),
    ("anyhow", &["calypte", "tests"]),
    ("clap", &["calypte"]),
    ("redis", &["calypte"]),
    ("tokio", &["calypte", "calypte-host", "calypte-venues", "calypte-devnet", "tests"]),
];

/// All that the kernel may build on: arithmetic, and words for errors.
const KERNEL_DEPENDENCIES: &[&str] = &["crc32c", "rust_decimal", "smallvec", "thiserror"];

/// What the kernel's tests and benchmarks may use besides.
const KERNEL_TEST_DEPENDENCIES: &[&str] = &["allocation-counter", "criterion", "insta", "proptest"];

/// One of our crates.
struct Owner {
    /// Whether it is a strategy: it lies among them, and is not their SDK.
    is_guest: bool,
    dependencies: Vec<Dependency>,
}

/// A dependency as its crate declares it.
struct Dependency {
    name: String,
    /// Whether only tests and benchmarks have it.
    for_tests: bool,
}

#[test]
fn dependencies_between_our_crates_point_one_way() {
    let crates = workspace();
    for (name, owner) in &crates {
        if name == "tests" {
            continue; // It looks at everything; that nothing looks at it is seen below.
        }
        let allowed = ARROWS.iter().find(|(of, _)| of == name).map(|(_, allowed)| *allowed);
        let allowed = allowed.or_else(|| owner.is_guest.then_some(GUEST_ARROWS));
        let allowed = allowed.unwrap_or_else(|| panic!("`{name}` is new: say in this test what it may depend on"));
        for dependency in owner.dependencies.iter().filter(|dependency| crates.contains_key(&dependency.name)) {
            assert!(
                allowed.contains(&dependency.name.as_str()),
                "`{name}` must not depend on `{}`; of our crates it may use {allowed:?}",
                dependency.name
            );
        }
    }
    assert!(crates.values().any(|owner| owner.is_guest), "no guest was found: the test looks in the wrong place");
}

#[test]
fn dangerous_dependencies_have_one_home() {
    for (name, owner) in &workspace() {
        for (dangerous, homes) in HOMES {
            let has = owner.dependencies.iter().any(|dependency| dependency.name == *dangerous);
            assert!(!has || homes.contains(&name.as_str()), "`{name}` must not depend on `{dangerous}`; {homes:?} may");
        }
    }
}

#[test]
fn the_kernel_builds_on_arithmetic_alone() {
    let crates = workspace();
    let kernel = &crates.get("calypte-kernel").expect("the kernel is a crate of the workspace").dependencies;
    assert!(!kernel.is_empty(), "cargo says what the kernel depends on");
    for dependency in kernel {
        let name = dependency.name.as_str();
        let allowed = KERNEL_DEPENDENCIES.contains(&name) || (dependency.for_tests && KERNEL_TEST_DEPENDENCIES.contains(&name));
        assert!(allowed, "the kernel must not depend on `{name}`: it reads no clock, socket, random number or environment");
    }
}

/// Our crates, each with what it declares to depend on.
fn workspace() -> BTreeMap<String, Owner> {
    // `--no-deps` reads only our own manifests: no network, no lock.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(repository());
    let metadata = run(&mut cargo).ok().json();
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    packages.iter().map(|package| (text(&package["name"]), owner(package))).collect()
}

fn owner(package: &serde_json::Value) -> Owner {
    let (folder, name) = (text(&package["manifest_path"]), text(&package["name"]));
    let among_guests = Path::new(&folder).starts_with(repository().join("guest-strategies"));
    Owner { is_guest: among_guests && !name.starts_with("calypte-strategy"), dependencies: dependencies(package) }
}

fn dependencies(package: &serde_json::Value) -> Vec<Dependency> {
    let declared = package["dependencies"].as_array().expect("metadata lists dependencies");
    declared
        .iter()
        .map(|dependency| Dependency { name: text(&dependency["name"]), for_tests: dependency["kind"].as_str() == Some("dev") })
        .collect()
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().expect("names are texts").to_owned()
}
