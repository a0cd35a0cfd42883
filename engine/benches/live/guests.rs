//! The strategies of the benchmark, built and loaded.

use anyhow::{Context as _, Result, ensure};
use calypte::component::{BuildOptions, build, encode};
use calypte::live::Cores;
use calypte::upload::{load, uploads};
use calypte_host::{SandboxSettings, Strategy};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Strategies that can be started, and the cores that they share.
pub(crate) struct Guests {
    pub(crate) ema_atr: Strategy,
    pub(crate) glutton: Strategy,
    pub(crate) cores: Cores,
}

impl Guests {
    /// Builds them, with room for so many instances.
    pub(crate) async fn build(folder: &Path, instances: usize) -> Result<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the engine lies in the repository")?;
        let ema_atr = repository.join("guest-strategies/ema-atr");
        let ema_atr = build(&ema_atr, BuildOptions { locked: true }, |words| eprintln!("{words}"))?.component;
        let glutton = glutton(repository, folder)?;
        let settings = SandboxSettings { instances_max: u32::try_from(instances)?, ..SandboxSettings::default() };
        let uploads = uploads(settings, |words| eprintln!("{words}"))?;
        Ok(Self {
            ema_atr: load(&uploads, &ema_atr).await?.strategy,
            glutton: load(&uploads, &glutton).await?.strategy,
            cores: Cores::of_machine(),
        })
    }
}

/// The guest that uses most of its fuel.
fn glutton(repository: &Path, folder: &Path) -> Result<PathBuf> {
    let target = folder.join("target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--profile", "guest", "--target", "wasm32-unknown-unknown", "-p", "hostile"]);
    cargo.args(["--example", "glutton"]).env("CARGO_TARGET_DIR", &target).current_dir(repository);
    ensure!(cargo.status().context("starting cargo")?.success(), "the guest does not build");
    let module = std::fs::read(target.join("wasm32-unknown-unknown/guest/examples/glutton.wasm"))?;
    let file = folder.join("glutton.wasm");
    std::fs::write(&file, encode(&module)?)?;
    Ok(file)
}
