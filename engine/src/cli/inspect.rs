//! `calypte inspect`: what a component is, whether it is accepted, and what it says of itself.

use super::exit::ExitStatus;
use super::output::Output;
use crate::report::{escape_terminal, hexadecimal, parameter};
use crate::upload::{ComponentError, load, uploads};
use calypte_host::{CodeOrigin, FeedKind, Manifest, Parameter, SandboxSettings, Shape, Uploaded};
use calypte_kernel::{EventKind, ParamValue};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;

/// Checks a component as an upload would be, and shows its verdict, manifest, imports, exports and sizes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte inspect target/calypte/ema-atr.wasm")]
pub(super) struct InspectArgs {
    /// The component.
    file: PathBuf,
}

#[derive(Serialize)]
struct InspectRecord {
    file: String,
    verdict: &'static str,
    sha256: String,
    manifest: ManifestRecord,
    hooks: Vec<&'static str>,
    imports: Vec<String>,
    exports: Vec<String>,
    other_exports: Vec<String>,
    sizes: SizesRecord,
    code: &'static str,
}

#[derive(Serialize)]
struct RefusedRecord {
    file: String,
    verdict: &'static str,
    reason: String,
    causes: Vec<String>,
}

#[derive(Serialize)]
struct ManifestRecord {
    name: String,
    version: String,
    description: String,
    parameters: Vec<ParameterRecord>,
    feeds: Vec<&'static str>,
    tick_interval_ms: Option<u64>,
}

#[derive(Serialize)]
struct ParameterRecord {
    name: String,
    kind: &'static str,
    doc: String,
    default: Value,
    min: Option<Value>,
    max: Option<Value>,
    step: Option<Value>,
    choices: Vec<String>,
}

#[derive(Serialize)]
struct SizesRecord {
    file_bytes: u64,
    code_bytes: u64,
    core_modules: u64,
    functions: u64,
    largest_function_bytes: u64,
    memory_pages: u64,
    table_elements: u64,
    data_segments: u64,
}

pub(super) fn run(args: &InspectArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let uploads = uploads(SandboxSettings { instances_max: 1, ..SandboxSettings::default() }, |words| output.remark(words))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match runtime.block_on(load(&uploads, &args.file)) {
        Ok(uploaded) => {
            let record = InspectRecord::new(args, &uploaded);
            output.answer(&record, || record.words())?;
            Ok(ExitStatus::Ok)
        }
        Err(ComponentError::Refused { path, cause }) if super::exit::is_verdict(&cause) => {
            let cause = anyhow::Error::from(cause);
            let record = RefusedRecord {
                file: path.display().to_string(),
                verdict: "refused",
                reason: cause.to_string(),
                causes: cause.chain().skip(1).map(ToString::to_string).collect(),
            };
            output.answer(&record, || {
                let causes = record.causes.iter().map(|cause| format!("\n  because {cause}")).collect::<String>();
                escape_terminal(&format!("{}: refused: {}{causes}\n", record.file, record.reason))
            })?;
            Ok(ExitStatus::Failed)
        }
        Err(error) => Err(error.into()),
    }
}

impl InspectRecord {
    fn new(args: &InspectArgs, uploaded: &Uploaded) -> Self {
        let (strategy, verdict) = (&uploaded.strategy, &uploaded.verdict);
        let known = EventKind::ALL.into_iter().filter(|kind| strategy.knows().contains(*kind));
        Self {
            file: args.file.display().to_string(),
            verdict: "accepted",
            sha256: hexadecimal(&verdict.sha256),
            manifest: ManifestRecord::new(strategy.manifest()),
            hooks: known.map(EventKind::name).collect(),
            imports: verdict.world.imports.clone(),
            exports: verdict.world.exports.clone(),
            other_exports: verdict.world.other_exports.clone(),
            sizes: SizesRecord::new(&verdict.shape),
            code: match verdict.code {
                CodeOrigin::Cache => "from the cache",
                CodeOrigin::Compiled { .. } => "compiled now",
            },
        }
    }

    fn words(&self) -> String {
        let mut text = String::new();
        let manifest = &self.manifest;
        let mut line = |name: &str, value: &str| writeln!(text, "{name:<12}{value}").expect("text grows");
        line("verdict", self.verdict);
        line("file", &self.file);
        line("sha256", &self.sha256);
        line("strategy", &format!("{} {}", manifest.name, manifest.version));
        line("", &manifest.description);
        for parameter in &manifest.parameters {
            line("parameter", &parameter.words());
        }
        line("feeds", &manifest.feeds.join(", "));
        if let Some(interval) = manifest.tick_interval_ms {
            line("clocked", &format!("every {interval} ms"));
        }
        line("hooks", &self.hooks.join(", "));
        line("imports", &self.imports.join("\n            "));
        line("exports", &self.exports.join("\n            "));
        for export in &self.other_exports {
            line("ignored", export);
        }
        let sizes = &self.sizes;
        line("size", &format!("{} bytes, {} of code in {} functions", sizes.file_bytes, sizes.code_bytes, sizes.functions));
        line("code", self.code);
        escape_terminal(&text)
    }
}

impl ManifestRecord {
    fn new(manifest: &Manifest) -> Self {
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            parameters: manifest.parameters.iter().map(ParameterRecord::new).collect(),
            feeds: manifest.feeds.iter().map(|feed| feed_name(*feed)).collect(),
            tick_interval_ms: manifest.tick_interval_ms,
        }
    }
}

const fn feed_name(feed: FeedKind) -> &'static str {
    match feed {
        FeedKind::Candles => "candles",
        FeedKind::Trades => "trades",
        FeedKind::Quotes => "quotes",
        FeedKind::Book => "book",
        FeedKind::Context => "context",
    }
}

impl ParameterRecord {
    fn new(of: &Parameter) -> Self {
        Self {
            name: of.name.clone(),
            kind: match of.default {
                ParamValue::Boolean(_) => "boolean",
                ParamValue::Integer(_) => "integer",
                ParamValue::Number(_) => "number",
                ParamValue::Text(_) => "text",
            },
            doc: of.doc.clone(),
            default: parameter(&of.default),
            min: of.min.as_ref().map(parameter),
            max: of.max.as_ref().map(parameter),
            step: of.step.as_ref().map(parameter),
            choices: of.choices.clone(),
        }
    }

    fn words(&self) -> String {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut words = format!("{}={} ({}", self.name, plain(&self.default), self.kind);
        for (name, bound) in [("at least", &self.min), ("at most", &self.max)] {
            if let Some(bound) = bound {
                write!(words, ", {name} {}", plain(bound)).expect("text grows");
            }
        }
        if !self.choices.is_empty() {
            write!(words, ", one of {}", self.choices.join(", ")).expect("text grows");
        }
        format!("{words}): {}", self.doc)
    }
}

impl SizesRecord {
    const fn new(shape: &Shape) -> Self {
        Self {
            file_bytes: shape.file_bytes,
            code_bytes: shape.code_bytes,
            core_modules: shape.core_modules,
            functions: shape.functions,
            largest_function_bytes: shape.function_bytes_largest,
            memory_pages: shape.memory_pages,
            table_elements: shape.table_elements,
            data_segments: shape.data_segments,
        }
    }
}
