//! What is simulated beyond fills and fees: ticks and funding from files, leverage and margin, latency, shares of volume. By
//! default nothing of it.

use super::{MarketRequest, RequestError};
use crate::request::instrument::LEVERAGE_MAX;
use calypte_kernel::{Decimal, FeeRates, Instrument, InstrumentId, MarginMode, NotASymbol, Symbol};
use calypte_sim::{LATENCY_MS_MAX, Latency, Leverage, MarginSettings, TICK_SOURCES_MAX, TickKind};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Models of a run, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunModels {
    /// Files of trades, quotes, books and funding rates.
    pub ticks: Vec<TickSpec>,
    /// Leverages; none: positions need no margin.
    pub leverage: Vec<LeverageSpec>,
    /// Fee of a liquidation, a fraction of its notional; none: that of a taker.
    pub liquidation_fee: Option<Decimal>,
    /// How long messages are under way.
    pub latency: LatencySpec,
    /// Share of a candle's volume, or of a trade's size, that orders may fill with; none: they fill whole.
    pub participation: Option<Decimal>,
}

/// A file of ticks of one instrument.
#[derive(Clone, PartialEq, Eq)]
pub struct TickSpec {
    /// The instrument.
    pub symbol: Symbol,
    /// What is in the file.
    pub kind: TickKind,
    /// The file.
    pub file: PathBuf,
}

/// Without the path, which a run does not depend on: what is in the file is named by its hash.
impl fmt::Debug for TickSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TickSpec({}:{})", self.symbol, self.kind)
    }
}

/// A file of ticks, with the number of its instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickRequest {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// What is in it.
    pub kind: TickKind,
    /// The file.
    pub file: PathBuf,
}

/// `--funding SYMBOL=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingSpec(pub TickSpec);

/// `--leverage 5`, `--leverage BTC=10:isolated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeverageSpec {
    /// For which instrument; none: for all that have none of their own.
    pub symbol: Option<Symbol>,
    /// The leverage.
    pub leverage: u32,
    /// Cross or isolated.
    pub mode: MarginMode,
}

/// `--latency feed=50,order=100,report=50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencySpec(pub Latency);

/// A text that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAModel {
    /// Funding.
    #[error("write SYMBOL=FILE, such as BTC=BTC-funding.csv.gz")]
    Funding,
    /// Leverage.
    #[error(
        "write a whole number from 1 to {LEVERAGE_MAX}, or SYMBOL=NUMBER, each with `:isolated` where it is: BTC=10:isolated"
    )]
    Leverage,
    /// Latency.
    #[error("write feed=MS,order=MS,report=MS with whole milliseconds from 0 to {LATENCY_MS_MAX}; what is left out is 0")]
    Latency,
    /// A symbol.
    #[error(transparent)]
    Symbol(#[from] NotASymbol),
}

impl FromStr for FundingSpec {
    type Err = NotAModel;

    fn from_str(text: &str) -> Result<Self, NotAModel> {
        let (symbol, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or(NotAModel::Funding)?;
        Ok(Self(TickSpec { symbol: symbol.parse()?, kind: TickKind::Funding, file: PathBuf::from(file) }))
    }
}

impl FromStr for LeverageSpec {
    type Err = NotAModel;

    fn from_str(text: &str) -> Result<Self, NotAModel> {
        let (symbol, rest) = match text.split_once('=') {
            Some((symbol, rest)) => (Some(symbol.parse()?), rest),
            None => (None, text),
        };
        let (number, mode) = match rest.split_once(':') {
            Some((number, "isolated")) => (number, MarginMode::Isolated),
            Some((number, "cross")) => (number, MarginMode::Cross),
            Some(_) => return Err(NotAModel::Leverage),
            None => (rest, MarginMode::Cross),
        };
        let leverage = number.parse().ok().filter(|leverage| (1..=LEVERAGE_MAX).contains(leverage));
        Ok(Self { symbol, leverage: leverage.ok_or(NotAModel::Leverage)?, mode })
    }
}

impl FromStr for LatencySpec {
    type Err = NotAModel;

    fn from_str(text: &str) -> Result<Self, NotAModel> {
        let mut latency = Latency::default();
        let mut said = Vec::new();
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').ok_or(NotAModel::Latency)?;
            let place = match name {
                "feed" => &mut latency.feed_ms,
                "order" => &mut latency.order_ms,
                "report" => &mut latency.report_ms,
                _ => return Err(NotAModel::Latency),
            };
            if said.contains(&name) {
                return Err(NotAModel::Latency);
            }
            said.push(name);
            *place = value.parse().ok().filter(|millis| *millis <= LATENCY_MS_MAX).ok_or(NotAModel::Latency)?;
        }
        Ok(Self(latency))
    }
}

impl RunModels {
    /// Checks what a market and ranges can tell, and gives the files with the numbers of their instruments.
    pub(super) fn check(&self, market: &mut MarketRequest) -> Result<(), RequestError> {
        let range = |flag, value: Option<Decimal>, fits: fn(Decimal) -> bool, range| match value {
            Some(value) if !fits(value) => Err(RequestError::OutOfRange { flag, value: value.to_string(), range }),
            _ => Ok(()),
        };
        let is_share = |share: Decimal| share > Decimal::ZERO && share <= Decimal::ONE;
        range("--participation", self.participation, is_share, "above 0, at most 1")?;
        let is_rate = |rate: Decimal| rate.abs() <= Decimal::ONE;
        range("--liquidation-fee", self.liquidation_fee, is_rate, "a fraction of the notional, -1 to 1")?;
        if self.ticks.len() > TICK_SOURCES_MAX {
            return Err(RequestError::TooMany { what: "tick files", count: self.ticks.len(), max: TICK_SOURCES_MAX });
        }
        for spec in &self.ticks {
            let known = market.instruments.iter().find(|instrument| instrument.symbol == spec.symbol);
            let instrument = known.ok_or_else(|| RequestError::FundingWithoutData { symbol: spec.symbol.clone() })?.id;
            let request = TickRequest { instrument, kind: spec.kind, file: spec.file.clone() };
            if market.ticks.iter().any(|other| (other.instrument, other.kind) == (instrument, spec.kind)) {
                return Err(RequestError::TicksTwice { symbol: spec.symbol.clone(), kind: spec.kind });
            }
            market.ticks.push(request);
        }
        self.check_leverage(&market.instruments)
    }

    fn check_leverage(&self, instruments: &[Instrument]) -> Result<(), RequestError> {
        for (place, spec) in self.leverage.iter().enumerate() {
            if self.leverage[..place].iter().any(|other| other.symbol == spec.symbol) {
                let what = spec.symbol.as_ref().map_or_else(|| "all instruments".to_owned(), Symbol::to_string);
                return Err(RequestError::LeverageTwice { what });
            }
            if let Some(symbol) = &spec.symbol
                && !instruments.iter().any(|instrument| &instrument.symbol == symbol)
            {
                return Err(RequestError::LeverageWithoutData { symbol: symbol.clone() });
            }
        }
        for instrument in instruments {
            let (leverage, max) = (self.leverage_of(instrument).leverage, instrument.margin.max_leverage());
            if max > 0 && leverage > max {
                return Err(RequestError::LeverageTooHigh { symbol: instrument.symbol.clone(), leverage, max });
            }
        }
        Ok(())
    }

    /// An instrument's own leverage, else that for all, else 1.
    fn leverage_of(&self, instrument: &Instrument) -> Leverage {
        let one = |wanted: Option<&Symbol>| self.leverage.iter().find(|spec| spec.symbol.as_ref() == wanted);
        let spec = one(Some(&instrument.symbol)).or_else(|| one(None));
        spec.map_or(Leverage { leverage: 1, mode: MarginMode::Cross }, |spec| Leverage {
            leverage: spec.leverage,
            mode: spec.mode,
        })
    }

    /// Margin as the simulation takes it; none where no leverage was given.
    pub(crate) fn margin(&self, instruments: &[Instrument], fees: FeeRates) -> Option<MarginSettings> {
        (!self.leverage.is_empty()).then(|| MarginSettings {
            leverage: instruments.iter().map(|instrument| self.leverage_of(instrument)).collect(),
            liquidation_fee: self.liquidation_fee.unwrap_or(fees.taker),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leverage_is_for_one_or_all_cross_unless_isolated() {
        let spec = |text: &str| text.parse::<LeverageSpec>();
        let parts =
            |text: &str| spec(text).map(|spec| (spec.symbol.map(|symbol| symbol.to_string()), spec.leverage, spec.mode));
        assert_eq!(parts("5"), Ok((None, 5, MarginMode::Cross)));
        assert_eq!(parts("BTC-PERP=10:isolated"), Ok((Some("BTC".to_owned()), 10, MarginMode::Isolated)));
        for text in ["", "0", "1001", "-1", "x", "5:both", "BTC=", "5.5"] {
            assert_eq!(spec(text), Err(NotAModel::Leverage), "{text}");
        }
        assert!(matches!(spec("B C=5"), Err(NotAModel::Symbol(_))));
    }

    #[test]
    fn latency_names_its_ways() {
        let spec = |text: &str| text.parse::<LatencySpec>().map(|spec| spec.0);
        assert_eq!(spec("order=100,feed=5"), Ok(Latency { feed_ms: 5, order_ms: 100, report_ms: 0 }));
        for text in ["", "100", "order=-1", "order=60001", "order=1,order=2", "way=1", "order=1.5"] {
            assert_eq!(spec(text), Err(NotAModel::Latency), "{text}");
        }
    }

    #[test]
    fn funding_names_its_instrument_and_a_digest_does_not_see_the_path() {
        let spec: FundingSpec = "BTC=some/where=x.csv".parse().expect("a spec");
        assert_eq!(spec.0.file, PathBuf::from("some/where=x.csv"));
        assert_eq!(format!("{:?}", spec.0), "TickSpec(BTC:funding)");
        for text in ["", "BTC", "BTC="] {
            assert_eq!(text.parse::<FundingSpec>(), Err(NotAModel::Funding), "{text}");
        }
    }
}
