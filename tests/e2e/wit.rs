//! The contract is whole: it parses, every item of it is documented, and the tools that write components agree with the
//! runtime that reads them.

use std::fs;
use tests::{calypte, component, repository};
use wit_parser::{Docs, Interface, Resolve, TypeDefKind};

#[test]
fn every_item_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(repository().join("wit")).expect("the contract parses");
    let package = &resolve.packages[package];
    assert_eq!(package.name.to_string(), "calypte:strategy@0.1.0");

    let mut undocumented = Vec::new();
    let mut items = 0;
    let mut check = |path: String, docs: &Docs| {
        items += 1;
        if docs.contents.as_deref().is_none_or(|text| text.trim().is_empty()) {
            undocumented.push(path);
        }
    };
    check("package".to_owned(), &package.docs);
    for (name, world) in &package.worlds {
        check(format!("world {name}"), &resolve.worlds[*world].docs);
    }
    for (name, interface) in &package.interfaces {
        check_interface(&resolve, name, &resolve.interfaces[*interface], &mut check);
    }
    assert!(undocumented.is_empty(), "items of the contract without a doc:\n{}", undocumented.join("\n"));
    assert!(items > 300, "the walk saw only {items} items: it misses a kind of them");
}

fn check_interface(resolve: &Resolve, name: &str, interface: &Interface, check: &mut impl FnMut(String, &Docs)) {
    check(format!("interface {name}"), &interface.docs);
    for (function, definition) in &interface.functions {
        check(format!("{name}.{function}"), &definition.docs);
    }
    for (name_of_type, id) in &interface.types {
        let definition = &resolve.types[*id];
        let path = format!("{name}.{name_of_type}");
        match &definition.kind {
            // A name brought in by `use` is documented where it is defined.
            TypeDefKind::Type(wit_parser::Type::Id(_)) => continue,
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|field| check(format!("{path}.{}", field.name), &field.docs));
            }
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().for_each(|case| check(format!("{path}.{}", case.name), &case.docs));
            }
            TypeDefKind::Enum(cases) => {
                cases.cases.iter().for_each(|case| check(format!("{path}.{}", case.name), &case.docs));
            }
            TypeDefKind::Flags(flags) => {
                flags.flags.iter().for_each(|flag| check(format!("{path}.{}", flag.name), &flag.docs));
            }
            _ => {}
        }
        check(path, &definition.docs);
    }
}

#[test]
fn the_contract_has_no_resource_stream_or_future() {
    let mut resolve = Resolve::default();
    resolve.push_path(repository().join("wit")).expect("the contract parses");
    for (_, definition) in &resolve.types {
        let young = matches!(
            definition.kind,
            TypeDefKind::Resource | TypeDefKind::Handle(_) | TypeDefKind::Future(_) | TypeDefKind::Stream(_)
        );
        assert!(!young, "{:?} is of a kind that the contract leaves out", definition.name);
    }
}

/// Of the tools that write a component, those that `calypte build` uses are of the very version that the runtime is built
/// with.
#[test]
fn what_the_wasm_tools_write_the_runtime_reads() {
    let lock = Lock::read();
    let runtime = lock.one("wasmtime", |version| version.starts_with("48.0."));
    let patch: u32 = runtime.version.rsplit('.').next().and_then(|patch| patch.parse().ok()).expect("a patch number");
    assert!(patch >= 8, "wasmtime {} has holes in the features used here", runtime.version);

    let environ = lock.one("wasmtime-environ", |version| version == runtime.version);
    let reads = lock.dependency(environ, "wasmparser");
    let host = lock.one("calypte-host", |_| true);
    assert_eq!(lock.dependency(host, "wasmparser"), reads, "the upload checks read what the runtime reads");
    assert_eq!(lock.dependency(host, "wit-parser"), reads, "the world check reads the contract as its writers do");
    let engine = lock.one("calypte", |_| true);
    assert_eq!(lock.dependency(engine, "wit-component"), reads, "what `calypte build` writes, the runtime reads");
}

#[test]
fn a_strategy_built_with_the_sdk_is_accepted() {
    let file = component("dca");
    calypte(["inspect".as_ref(), file.as_os_str()]).ok();
}

/// `Cargo.lock`: which version of what was chosen for whom.
struct Lock(Vec<Locked>);

struct Locked {
    name: String,
    version: String,
    /// `name`, or `name version` where more than one version is locked.
    dependencies: Vec<String>,
}

impl Lock {
    fn read() -> Self {
        let text = fs::read_to_string(repository().join("Cargo.lock")).expect("the workspace has a lock file");
        let lock: toml::Table = text.parse().expect("the lock file is TOML");
        let packages = lock["package"].as_array().expect("the lock file lists packages");
        let field = |package: &toml::Value, name: &str| package[name].as_str().expect("a text").to_owned();
        let dependencies = |package: &toml::Value| {
            let listed = package.get("dependencies").and_then(toml::Value::as_array);
            listed.into_iter().flatten().map(|entry| entry.as_str().expect("a text").to_owned()).collect()
        };
        let locked = |package| Locked {
            name: field(package, "name"),
            version: field(package, "version"),
            dependencies: dependencies(package),
        };
        Self(packages.iter().map(locked).collect())
    }

    fn one(&self, name: &str, wanted: impl Fn(&str) -> bool) -> &Locked {
        let found: Vec<_> = self.0.iter().filter(|locked| locked.name == name && wanted(&locked.version)).collect();
        match found.as_slice() {
            [one] => one,
            _ => panic!("{} fitting versions of `{name}` in the lock file instead of one", found.len()),
        }
    }

    /// The version of a dependency that was chosen for a package.
    fn dependency(&self, of: &Locked, name: &str) -> String {
        let entry = of.dependencies.iter().find(|entry| entry.split(' ').next() == Some(name));
        let entry = entry.unwrap_or_else(|| panic!("`{}` does not depend on `{name}`", of.name));
        match entry.split_once(' ') {
            Some((_, version)) => version.to_owned(),
            None => self.one(name, |_| true).version.clone(),
        }
    }
}
