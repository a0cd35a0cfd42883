//! What a strategy says of itself: builders for the contract's manifest and its parameters.
//!
//! ```
//! use calypte_strategy::{Manifest, Parameter};
//!
//! let manifest = Manifest::new("ema-atr", "0.1.0")
//!     .description("Follows crossings of two averages.")
//!     .parameter(Parameter::integer("fast", 12).range(2, 200).step(2).doc("Candles of the fast average."))
//!     .candles();
//! assert_eq!(manifest.parameters[0].name, "fast");
//! ```

use crate::{Decimal, FeedKind, Manifest, ParamValue, Parameter};

impl Manifest {
    /// A manifest with a name (lower case, digits, hyphens) and a version; no parameters, no feeds.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            description: String::new(),
            parameters: Vec::new(),
            feeds: Vec::new(),
            tick_interval_ms: None,
        }
    }

    /// What it does, for a trader who considers it.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = text.into();
        self
    }

    /// One more parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// May subscribe to candles.
    #[must_use]
    pub fn candles(self) -> Self {
        self.feed(FeedKind::Candles)
    }

    /// May subscribe to a kind of data.
    #[must_use]
    pub fn feed(mut self, feed: FeedKind) -> Self {
        self.feeds.push(feed);
        self
    }

    /// Clocked: `on_timer` gets a tick this often, at least every 100 ms.
    #[must_use]
    pub fn tick_every_ms(mut self, interval_ms: u64) -> Self {
        self.tick_interval_ms = Some(interval_ms);
        self
    }
}

impl Parameter {
    /// A whole number.
    #[must_use]
    pub fn integer(name: &str, default: i64) -> Self {
        Self::of(name, ParamValue::Integer(default))
    }

    /// An exact decimal.
    #[must_use]
    pub fn number(name: &str, default: impl Into<Decimal>) -> Self {
        Self::of(name, ParamValue::Number(default.into()))
    }

    /// Yes or no.
    #[must_use]
    pub fn boolean(name: &str, default: bool) -> Self {
        Self::of(name, ParamValue::Boolean(default))
    }

    /// Any text.
    #[must_use]
    pub fn text(name: &str, default: &str) -> Self {
        Self::of(name, ParamValue::Text(default.into()))
    }

    /// One of these texts; the first is the default.
    #[must_use]
    pub fn choice(name: &str, choices: &[&str]) -> Self {
        let default = choices.first().copied().unwrap_or_default();
        Self { choices: choices.iter().map(|&choice| choice.into()).collect(), ..Self::text(name, default) }
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn doc(mut self, text: &str) -> Self {
        self.doc = text.into();
        self
    }

    /// Smallest value.
    #[must_use]
    pub fn min(mut self, value: impl Into<Decimal>) -> Self {
        self.min = Some(self.kind_of(value.into()));
        self
    }

    /// Largest value.
    #[must_use]
    pub fn max(mut self, value: impl Into<Decimal>) -> Self {
        self.max = Some(self.kind_of(value.into()));
        self
    }

    /// Smallest and largest value.
    #[must_use]
    pub fn range(self, min: impl Into<Decimal>, max: impl Into<Decimal>) -> Self {
        self.min(min).max(max)
    }

    /// Step of a sweep.
    #[must_use]
    pub fn step(mut self, value: impl Into<Decimal>) -> Self {
        self.step = Some(self.kind_of(value.into()));
        self
    }

    fn of(name: &str, default: ParamValue) -> Self {
        Self { name: name.into(), doc: String::new(), default, min: None, max: None, step: None, choices: Vec::new() }
    }

    /// A bound of the same kind as the default. A fraction as the bound of a whole number stays a number, which the
    /// engine refuses by name when the manifest is read.
    fn kind_of(&self, value: Decimal) -> ParamValue {
        match (&self.default, value.normalize()) {
            (ParamValue::Integer(_), Decimal { mantissa, scale: 0 }) => ParamValue::Integer(mantissa),
            (_, value) => ParamValue::Number(value),
        }
    }
}
