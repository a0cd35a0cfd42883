//! Backtests in this very process, all in one sandbox: what one strategy does to it, the next would feel.

use calypte::control::Control;
use calypte::data::Columns;
use calypte::request::{
    BacktestRequest, InstrumentSpec, LimitFill, LimitSettings, ParameterSpec, RunModels, RunSettings,
    instrument::InstrumentSpecs,
};
use calypte::run::{Prepared, RunReport, Way};
use calypte_host::{CacheSettings, CompileLimits, Compiler, Sandbox, SandboxSettings, UploadSettings, Uploads};
use calypte_kernel::{Answer, Decimal, FeeRates, HookEnded, Refusal, StrategyId, StrategyState, Timestamp, VenueFill};
use calypte_sim::{EquityPoint, Observer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tests::calypte_path;
use tokio::runtime::Runtime;

/// Instances that may be alive at once in the shared sandbox: each test has one or two.
const INSTANCES_MAX: u32 = 64;

/// The sandbox of all tests of this process, with the real binary as its compile child.
pub(crate) fn uploads() -> &'static Uploads {
    static UPLOADS: OnceLock<Uploads> = OnceLock::new();
    UPLOADS.get_or_init(|| {
        let settings = SandboxSettings { instances_max: INSTANCES_MAX, ..SandboxSettings::default() };
        let sandbox = Sandbox::new(settings).expect("there is address space for the sandbox");
        let mut settings = UploadSettings::new(compiler(CompileLimits::default()));
        // Beside the binary, so that it goes with it.
        settings.cache = Some(CacheSettings::new(calypte_path().with_file_name("e2e-code")));
        Uploads::new(sandbox, settings).expect("the folder of the binary can be written")
    })
}

/// The compile child that users have.
pub(crate) fn compiler(limits: CompileLimits) -> Compiler {
    Compiler::new(calypte_path(), vec!["compile-child".into()], limits)
}

/// A runtime of one thread: whoever holds it holds up everybody.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Defaults of the command line.
pub(crate) fn settings() -> RunSettings {
    RunSettings {
        from: None,
        to: None,
        cash: Decimal::from(10_000),
        fees: FeeRates { taker: Decimal::new(45, 5), maker: Decimal::new(15, 5) },
        slippage_bps: Decimal::ZERO,
        fill: LimitFill::Touch,
        fuel: None,
        fuel_per_event: None,
        limits: LimitSettings::default(),
        seed: 0,
        columns: Columns::default(),
        time: calypte::data::TimeUnit::default(),
        label: calypte::data::Label::default(),
        on_bad_data: calypte::data::OnFault::default(),
        on_gap: calypte::data::OnGap::default(),
        portable: false,
        models: RunModels::default(),
        risk: None,
    }
}

/// A run over one series, `BTC:1m`, under rules that allow everything.
pub(crate) fn request(components: &[PathBuf], parameters: &[&str], candles: &Path, settings: RunSettings) -> BacktestRequest {
    let parameters = parameters.iter().map(|text| text.parse::<ParameterSpec>().expect("NAME=VALUE")).collect::<Vec<_>>();
    let data = [format!("BTC:1m={}", candles.display()).parse().expect("a series and a file")];
    BacktestRequest::new(components, &parameters, &data, &rules("any"), settings, None).expect("the request makes sense")
}

/// Rules as `--instrument` takes them.
pub(crate) fn rules(text: &str) -> Vec<InstrumentSpec> {
    text.parse::<InstrumentSpecs>().expect("rules").0
}

/// Runs a request in the shared sandbox.
pub(crate) fn run(request: BacktestRequest, observer: Box<dyn Observer>, way: Way) -> anyhow::Result<RunReport> {
    runtime()
        .block_on(async { Prepared::new_in(uploads(), request, Arc::new(Control::default())).await?.run(observer, way).await })
}

/// Everything that can be seen of a run from outside, in order, but the fuel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Codes with which intents were denied before the clock moved on, in their order.
    pub(crate) fn denied_on_the_first_event(&self) -> Vec<String> {
        let lines = self.lines();
        let denied = lines.iter().filter_map(|line| line.strip_prefix("denied to ")?.split_once(" at "));
        let timed = denied.filter_map(|(_, rest)| rest.split_once(": ")).collect::<Vec<_>>();
        let first = timed.first().map(|(time, _)| *time);
        let codes = timed.iter().filter(|(time, _)| Some(*time) == first).filter_map(|(_, words)| words.split_once(": "));
        codes.map(|(code, _)| code.to_owned()).collect()
    }

    fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Observer for Record {
    fn fill(&mut self, strategy: StrategyId, fill: &VenueFill, position: Decimal) {
        self.add(format!("fill of {strategy}, then {position}: {fill:?}"));
    }

    fn equity(&mut self, point: EquityPoint) {
        self.add(format!("{point:?}"));
    }

    fn answered(&mut self, time: Timestamp, ended: &HookEnded) {
        let HookEnded { strategy, number, answer, effects, fuel: _ } = ended;
        let kind = match answer {
            Answer::Intents(_) => "event",
            _ => "hook",
        };
        self.add(format!("{kind} {number} of {strategy} at {time}: {answer:?} {effects:?}"));
    }

    fn denied(&mut self, time: Timestamp, strategy: StrategyId, refusal: &Refusal) {
        self.add(format!("denied to {strategy} at {time}: {}: {}", refusal.code, refusal.message));
    }

    fn lifecycle(&mut self, time: Timestamp, strategy: StrategyId, state: &StrategyState) {
        self.add(format!("{strategy} at {time}: {state:?}"));
    }
}
