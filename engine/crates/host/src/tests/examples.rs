//! Examples of the SDK as components: built by cargo for `wasm32-wasip2`, whose linker makes components by itself.

use std::process::Command;
use std::sync::OnceLock;

/// The component of an example, by its name. All of them are built at once, the first time that one is asked for.
pub(super) fn built(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<()> = OnceLock::new();
    let test = std::env::current_exe().expect("the test knows where it is");
    let target = test.ancestors().nth(3).expect("tests lie in target/<profile>/deps");
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--package", "calypte-strategy", "--examples", "--profile", "guest"]);
        cargo.args(["--target", "wasm32-wasip2", "--target-dir"]).arg(target);
        let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "they do not build; `rustup target add wasm32-wasip2` adds the target\n{words}");
    });
    let file = target.join("wasm32-wasip2/guest/examples").join(name.replace('-', "_")).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
