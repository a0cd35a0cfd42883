//! Dependencies between our crates point one way, and the dangerous ones have one home.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use tests::{repository, run};

/// Each crate of the engine with those of ours it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("calypte", &["calypte-host", "calypte-venues", "calypte-sim", "calypte-devnet", "calypte-kernel"]),
    ("calypte-host", &["calypte-kernel"]),
    ("calypte-venues", &["calypte-kernel"]),
    ("calypte-sim", &["calypte-kernel"]),
    ("calypte-devnet", &["calypte-sim", "calypte-kernel"]),
    ("calypte-kernel", &[]),
    // Strategies are written against the contract alone.
    ("calypte-strategy", &["calypte-strategy-macros"]),
    ("calypte-strategy-macros", &[]),
];

/// Dependencies that only the crates named may have.
const HOMES: &[(&str, &[&str])] = &[
    ("wasmtime", &["calypte-host"]),
    ("anyhow", &["calypte", "tests"]),
    ("clap", &["calypte"]),
    ("tokio", &["calypte", "calypte-host", "calypte-venues", "calypte-devnet"]),
];

/// All that the kernel may build on: arithmetic, and words for errors.
const KERNEL_DEPENDENCIES: &[&str] = &["rust_decimal", "smallvec", "thiserror"];

/// What the kernel's tests may use besides.
const KERNEL_TEST_DEPENDENCIES: &[&str] = &["proptest", "insta"];

/// A dependency as its crate declares it.
struct Dependency {
    name: String,
    /// Whether only tests and benchmarks have it.
    for_tests: bool,
}

#[test]
fn dependencies_between_our_crates_point_one_way() {
    let crates = workspace();
    let ours: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    for (name, dependencies) in &crates {
        if name == "tests" {
            continue; // It looks at everything, and nothing looks at it (below).
        }
        let allowed = ARROWS.iter().find(|(owner, _)| owner == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("`{name}` is new: say in this test what it may depend on"));
        for dependency in dependencies.iter().filter(|dependency| ours.contains(dependency.name.as_str())) {
            assert!(
                allowed.contains(&dependency.name.as_str()),
                "`{name}` must not depend on `{}`; of our crates it may use {allowed:?}",
                dependency.name
            );
        }
    }
}

#[test]
fn guests_depend_on_the_sdk_and_on_nothing_else_of_ours() {
    let engine = workspace();
    let guests = packages(&["--manifest-path", "guest-strategies/Cargo.toml"]);
    for (name, dependencies) in &guests {
        for dependency in dependencies {
            let ours = engine.contains_key(&dependency.name) || guests.contains_key(&dependency.name);
            let allowed = ["calypte-strategy", "calypte-strategy-macros"].contains(&dependency.name.as_str());
            assert!(!ours || allowed, "the guest `{name}` must not depend on `{}`", dependency.name);
        }
    }
}

#[test]
fn dangerous_dependencies_have_one_home() {
    for (name, dependencies) in &workspace() {
        for (dangerous, homes) in HOMES {
            let has = dependencies.iter().any(|dependency| dependency.name == *dangerous);
            assert!(!has || homes.contains(&name.as_str()), "`{name}` must not depend on `{dangerous}`; {homes:?} may");
        }
    }
}

#[test]
fn the_kernel_builds_on_arithmetic_alone() {
    let crates = workspace();
    let kernel = crates.get("calypte-kernel").expect("the kernel is a crate of the workspace");
    assert!(!kernel.is_empty(), "cargo says what the kernel depends on");
    for dependency in kernel {
        let name = dependency.name.as_str();
        let allowed = KERNEL_DEPENDENCIES.contains(&name) || (dependency.for_tests && KERNEL_TEST_DEPENDENCIES.contains(&name));
        assert!(allowed, "the kernel must not depend on `{name}`: it reads no clock, socket, random number or environment");
    }
}

/// Our crates, each with what it declares to depend on.
fn workspace() -> BTreeMap<String, Vec<Dependency>> {
    packages(&[])
}

fn packages(arguments: &[&str]) -> BTreeMap<String, Vec<Dependency>> {
    // `--no-deps` reads only our own manifests: no network, no lock.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).args(arguments).current_dir(repository());
    let metadata = run(&mut cargo).ok().json();
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    packages.iter().map(|package| (text(&package["name"]), dependencies(package))).collect()
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
