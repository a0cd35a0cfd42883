//! What an exchange is made of: its coins, where their prices come from, its fees, who has money.

use calypte_kernel::{Decimal, MarginTable, MarginTier, NotAMarginTable, Symbol};
use calypte_venues::hyperliquid::protocol::{Address, Millis};

/// Most coins of an exchange.
pub const COINS_MAX: usize = 200;
/// Most points of one coin's recorded prices: over a year of minutes with four points each.
pub const PRICE_POINTS_MAX: usize = 4_000_000;
/// Most minutes of candles before the start.
pub const HISTORY_MINUTES_MAX: u32 = 100_000;
/// Largest price of a coin.
pub const PRICE_MAX: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);
/// Largest amount that one deposit may bring.
pub const DEPOSIT_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Decimals of money: the exchange counts in millionths of a dollar.
pub const MONEY_DECIMALS: u32 = 6;
/// Most decimals of a size.
pub const SIZE_DECIMALS_MAX: u8 = 5;

/// All that makes an exchange. Equal settings and equal calls give equal answers and events.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From which everything is drawn that is left to chance.
    pub seed: u64,
    /// The time at which it opens.
    pub start: Millis,
    /// What is traded. The place of a coin is its number in actions.
    pub universe: Vec<Coin>,
    /// Where the oracle's prices come from.
    pub prices: Prices,
    /// What trading costs.
    pub fees: Fees,
    /// Who has how much at the start.
    pub deposits: Vec<(Address, Decimal)>,
    /// How busy it is without us.
    pub liquidity: Liquidity,
    /// Volume that an account must have traded before it may set a scheduled cancel: 1,000,000 on the exchange.
    pub schedule_cancel_volume: Decimal,
    /// Minutes of candles that there are before the start, drawn from the seed.
    pub history_minutes: u32,
}

/// A perpetual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coin {
    /// Its name.
    pub name: String,
    /// Decimals of a size.
    pub sz_decimals: u8,
    /// Its margin tiers, smallest notional first.
    pub tiers: Vec<MarginTier>,
    /// Whether it takes isolated margin only.
    pub only_isolated: bool,
    /// Its price at the start.
    pub start_price: Decimal,
    /// How much the price moves in a minute, about, in millionths of it.
    pub volatility_ppm: u32,
}

/// Where the oracle's prices come from.
#[derive(Debug, Clone)]
pub enum Prices {
    /// A walk by chance from each coin's start price.
    Walk,
    /// Recorded: for each coin of the universe its prices, oldest first. The last one stays. A coin without any walks.
    Recorded(Vec<Vec<PricePoint>>),
}

/// A price from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricePoint {
    /// From when.
    pub time: Millis,
    /// What.
    pub price: Decimal,
}

/// What trading costs, in parts of the notional.
#[derive(Debug, Clone)]
pub struct Fees {
    /// By the volume of the last 14 days, smallest first; the first must be of volume 0.
    pub tiers: Vec<FeeTier>,
}

/// Fee rates from a volume on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTier {
    /// Volume of 14 days from which they hold.
    pub volume_from: Decimal,
    /// Rate of taking.
    pub taker: Decimal,
    /// Rate of making.
    pub maker: Decimal,
}

/// How busy the exchange is without us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liquidity {
    /// Prices that the market maker quotes on each side; 0: it stays away.
    pub levels: u32,
    /// Half of its spread, in millionths of the price.
    pub half_spread_ppm: u32,
    /// Distance of its prices from one another, in millionths of the price.
    pub step_ppm: u32,
    /// About how much it quotes at its best price, in dollars; more behind it.
    pub level_notional: Decimal,
    /// How often somebody trades with it, in thousandths of the ticks: 0 never, 1000 each tick. Minutes without a trade are
    /// possible where this is small.
    pub trades_permille: u32,
    /// About how much such a trade is worth, in dollars.
    pub trade_notional: Decimal,
}

/// Settings of which no exchange can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// None, or too many.
    #[error("{0} coins: there must be 1 to {COINS_MAX}")]
    Coins(usize),
    /// A name that cannot be one, or that two have.
    #[error("{0:?} cannot be the name of a coin, or two have it")]
    Name(String),
    /// A number of a coin that makes no sense.
    #[error("{coin}: {what}")]
    Coin {
        /// Its name.
        coin: String,
        /// What is wrong.
        what: &'static str,
    },
    /// Margin tiers that contradict each other.
    #[error("the margin tiers of {coin}")]
    Tiers {
        /// Its name.
        coin: String,
        /// How.
        #[source]
        source: NotAMarginTable,
    },
    /// Recorded prices that cannot be used.
    #[error("the recorded prices of {coin}: {what}")]
    Prices {
        /// Its name.
        coin: String,
        /// What is wrong.
        what: &'static str,
    },
    /// Fees that make no sense.
    #[error("the fee tiers must begin at a volume of 0 and rise, with rates from -0.001 to 0.01")]
    Fees,
    /// A deposit that cannot be made.
    #[error("a deposit of {amount} for {user}: {source}")]
    Deposit {
        /// Whose.
        user: Address,
        /// How much.
        amount: Decimal,
        /// Why not.
        #[source]
        source: DepositError,
    },
    /// Something out of its bounds.
    #[error("{what} must lie between {least} and {most}")]
    Bounds {
        /// What.
        what: &'static str,
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
}

/// Why money cannot be paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DepositError {
    /// Nothing, less than nothing, too much, or parts of a millionth.
    #[error("an amount must be positive, at most {DEPOSIT_MAX}, and have at most {MONEY_DECIMALS} decimals")]
    Amount,
    /// There is no room for another account.
    #[error("the exchange keeps no more accounts than it has")]
    Accounts,
    /// The account belongs to the exchange itself.
    #[error("the account belongs to the exchange")]
    House,
}

/// Why a price cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// No such coin.
    #[error("there is no such coin")]
    Coin,
    /// No such price.
    #[error("a price must be positive, at most {PRICE_MAX}, and not smaller than any that the coin can have")]
    Price,
}

impl Settings {
    /// An exchange with a few coins whose prices walk, open from this time on, with nobody's money in it yet.
    pub fn new(seed: u64, start: Millis) -> Self {
        let coin = |name: &str, sz_decimals, tiers: &[(i64, u32)], start_price, volatility_ppm| Coin {
            name: name.to_owned(),
            sz_decimals,
            tiers: tiers
                .iter()
                .map(|(from, max_leverage)| MarginTier { notional_from: (*from).into(), max_leverage: *max_leverage })
                .collect(),
            only_isolated: false,
            start_price,
            volatility_ppm,
        };
        Self {
            seed,
            start,
            universe: vec![
                coin("BTC", 5, &[(0, 40), (150_000_000, 20)], Decimal::new(97_000, 0), 400),
                coin("ETH", 4, &[(0, 25), (100_000_000, 15)], Decimal::new(3_400, 0), 600),
                coin("SOL", 2, &[(0, 20), (70_000_000, 10)], Decimal::new(180, 0), 900),
                coin("HYPE", 2, &[(0, 10)], Decimal::new(38, 0), 1_200),
                coin("kPEPE", 0, &[(0, 10)], Decimal::new(8_000, 6), 1_500),
                Coin { only_isolated: true, ..coin("PURR", 0, &[(0, 3)], Decimal::new(15_000, 5), 1_500) },
            ],
            prices: Prices::Walk,
            fees: Fees::default(),
            deposits: Vec::new(),
            liquidity: Liquidity::default(),
            schedule_cancel_volume: Decimal::from(1_000_000),
            history_minutes: 5_000,
        }
    }

    /// Whether all of it makes sense.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let bounds = |what, value: u64, least, most| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(SettingsError::Bounds { what, least, most }) }
        };
        if self.universe.is_empty() || self.universe.len() > COINS_MAX {
            return Err(SettingsError::Coins(self.universe.len()));
        }
        for (place, coin) in self.universe.iter().enumerate() {
            coin.check()?;
            if self.universe[..place].iter().any(|other| other.name == coin.name) {
                return Err(SettingsError::Name(coin.name.clone()));
            }
        }
        if let Prices::Recorded(series) = &self.prices {
            for (coin, points) in self.universe.iter().zip(series) {
                check_points(coin, points)?;
            }
        }
        self.fees.check()?;
        let Liquidity { levels, half_spread_ppm, step_ppm, trades_permille, level_notional, trade_notional } = self.liquidity;
        bounds("the market maker's prices on each side", levels.into(), 0, 50)?;
        bounds("half of the market maker's spread, in millionths", half_spread_ppm.into(), 0, 100_000)?;
        bounds("the market maker's step, in millionths", step_ppm.into(), 0, 10_000)?;
        bounds("the share of ticks with a trade, in thousandths", trades_permille.into(), 0, 1_000)?;
        bounds("minutes of history", self.history_minutes.into(), 0, HISTORY_MINUTES_MAX.into())?;
        for (what, amount) in [("what is quoted at a price", level_notional), ("what a trade is worth", trade_notional)] {
            if amount.is_sign_negative() || amount > DEPOSIT_MAX {
                return Err(SettingsError::Bounds { what, least: 0, most: 1_000_000_000 });
            }
        }
        if self.schedule_cancel_volume.is_sign_negative() {
            return Err(SettingsError::Bounds { what: "the volume before a scheduled cancel", least: 0, most: u64::MAX });
        }
        Ok(())
    }
}

impl Coin {
    /// Largest leverage of small positions.
    pub fn max_leverage(&self) -> u32 {
        self.tiers.first().map_or(0, |tier| tier.max_leverage)
    }

    pub(super) fn table(&self) -> Result<MarginTable, SettingsError> {
        MarginTable::new(&self.tiers).map_err(|source| SettingsError::Tiers { coin: self.name.clone(), source })
    }

    fn check(&self) -> Result<(), SettingsError> {
        let wrong = |what| Err(SettingsError::Coin { coin: self.name.clone(), what });
        if self.name.parse::<Symbol>().is_err() || self.name.ends_with("-PERP") {
            return Err(SettingsError::Name(self.name.clone()));
        }
        self.table()?;
        if self.sz_decimals > SIZE_DECIMALS_MAX {
            return wrong("a size has at most 5 decimals");
        }
        if !is_price(self.start_price) {
            return wrong("the price at the start must be positive and at most ten million");
        }
        if self.volatility_ppm > 100_000 {
            return wrong("the price may move by at most a tenth in a minute");
        }
        Ok(())
    }
}

impl Default for Fees {
    /// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/fees>
    fn default() -> Self {
        let tier = |millions: i64, taker, maker| FeeTier {
            volume_from: Decimal::from(millions * 1_000_000),
            taker: Decimal::new(taker, 5),
            maker: Decimal::new(maker, 5),
        };
        let tiers = [(0, 45, 15), (5, 40, 12), (25, 35, 8), (100, 30, 4), (500, 28, 0), (2_000, 26, 0), (7_000, 24, 0)];
        Self { tiers: tiers.into_iter().map(|(millions, taker, maker)| tier(millions, taker, maker)).collect() }
    }
}

impl Fees {
    /// The rates at a volume.
    pub fn at(&self, volume: Decimal) -> FeeTier {
        let free = FeeTier { volume_from: Decimal::ZERO, taker: Decimal::ZERO, maker: Decimal::ZERO };
        self.tiers.iter().rev().find(|tier| tier.volume_from <= volume).copied().unwrap_or(free)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let fits = |rate: Decimal| rate >= Decimal::new(-1, 3) && rate <= Decimal::new(1, 2);
        let starts = self.tiers.first().is_some_and(|tier| tier.volume_from.is_zero());
        let rises = self.tiers.windows(2).all(|pair| pair[0].volume_from < pair[1].volume_from);
        if starts && rises && self.tiers.len() <= 32 && self.tiers.iter().all(|tier| fits(tier.taker) && fits(tier.maker)) {
            return Ok(());
        }
        Err(SettingsError::Fees)
    }
}

impl Default for Liquidity {
    fn default() -> Self {
        Self {
            levels: 20,
            half_spread_ppm: 50,
            step_ppm: 50,
            level_notional: Decimal::from(50_000),
            trades_permille: 300,
            trade_notional: Decimal::from(2_000),
        }
    }
}

impl Liquidity {
    /// Nobody but us: an empty book, and no trades.
    pub const NONE: Self = Self {
        levels: 0,
        half_spread_ppm: 0,
        step_ppm: 0,
        level_notional: Decimal::ZERO,
        trades_permille: 0,
        trade_notional: Decimal::ZERO,
    };
}

/// Whether it can be a price of the oracle.
pub(super) fn is_price(price: Decimal) -> bool {
    price > Decimal::ZERO && price <= PRICE_MAX
}

fn check_points(coin: &Coin, points: &[PricePoint]) -> Result<(), SettingsError> {
    let wrong = |what| Err(SettingsError::Prices { coin: coin.name.clone(), what });
    if points.len() > PRICE_POINTS_MAX {
        return wrong("there are too many");
    }
    if !points.iter().all(|point| is_price(point.price)) {
        return wrong("each must be positive and at most ten million");
    }
    if points.windows(2).any(|pair| pair[0].time >= pair[1].time) {
        return wrong("their times must rise");
    }
    Ok(())
}
