//! Writes what a component says of itself, once for every set of events that a strategy may hear: the world of the contract
//! without the interfaces that it does not export. `wit-bindgen` knows only the whole world.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};
use wit_component::{StringEncoding, metadata};
use wit_parser::{Resolve, WorldKey};

/// The interfaces that a strategy need not have, in the order of the bits of `Hears`.
const OPTIONAL: [&str; 4] = ["market-events", "account-events", "timer-events", "feed-events"];

fn main() {
    let folder = Path::new("../../wit");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).expect("the contract is well formed");
    let whole = resolve.select_world(&[package], Some("strategy")).expect("the contract has a world named strategy");
    let out = env::var_os("OUT_DIR").expect("cargo names the folder for what is generated");
    let out = Path::new(&out);

    let mut list = String::from("[\n");
    for heard in 0..1_u8 << OPTIONAL.len() {
        let mut resolve = resolve.clone();
        let is_left_out = |key: &WorldKey| {
            let WorldKey::Interface(id) = key else { return false };
            let name = resolve.interfaces[*id].name.as_deref();
            OPTIONAL.iter().enumerate().any(|(bit, optional)| name == Some(*optional) && heard & (1 << bit) == 0)
        };
        let left_out = resolve.worlds[whole].exports.keys().filter(|key| is_left_out(key)).cloned().collect::<Vec<_>>();
        assert_eq!(left_out.len(), OPTIONAL.len() - heard.count_ones() as usize, "the contract has every optional interface");
        let world = &mut resolve.worlds[whole];
        world.exports.retain(|key, _| !left_out.contains(key));
        let bytes = metadata::encode(&resolve, whole, StringEncoding::UTF8, None).expect("a part of the world is a world");
        // Named as from beside it: the folder may be reached by another path when it is compiled.
        let file = format!("world-{heard}.bin");
        fs::write(out.join(&file), bytes).expect("the folder for what is generated can be written");
        writeln!(list, "    include_bytes!({file:?}),").expect("text grows");
    }
    list.push(']');
    fs::write(out.join("worlds.rs"), list).expect("the folder for what is generated can be written");
}
