//! Whatever is sent: nothing panics, nothing is made or lost, nothing is left over.

use super::*;
use calypte_venues::hyperliquid::protocol::{Builder, CancelByCloidWire, CancelWire, ModifyWire, OrderKey};
use proptest::prelude::*;

fn numbers() -> impl Strategy<Value = Number> {
    let anything = (any::<i64>(), 0_u32..=28).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    let edges = prop_oneof![Just(Decimal::MAX), Just(Decimal::MIN), Just(Decimal::ZERO), Just(Decimal::new(1, 28))];
    let likely = (9_000_i64..11_000).prop_map(|cents| Decimal::new(cents, 2));
    prop_oneof![1 => anything, 1 => edges, 6 => likely].prop_map(Number::new)
}

fn sizes() -> impl Strategy<Value = Number> {
    prop_oneof![1 => numbers(), 6 => (1_i64..5_000).prop_map(|lots| Number::new(Decimal::new(lots, 2)))]
}

fn kinds() -> impl Strategy<Value = OrderTypeWire> {
    let tif = prop_oneof![Just(Tif::Gtc), Just(Tif::Ioc), Just(Tif::Alo), Just(Tif::FrontendMarket)];
    let tpsl = prop_oneof![Just(TpSl::Tp), Just(TpSl::Sl)];
    prop_oneof![
        3 => tif.prop_map(|tif| OrderTypeWire::Limit { tif }),
        1 => (any::<bool>(), numbers(), tpsl).prop_map(|(is_market, trigger_px, tpsl)| OrderTypeWire::Trigger { is_market, trigger_px, tpsl }),
    ]
}

fn assets() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0_u32..2, 1 => any::<u32>()]
}

fn orders() -> impl Strategy<Value = PlaceWire> {
    let name = proptest::option::of(any::<u8>().prop_map(cloid));
    (assets(), any::<bool>(), numbers(), sizes(), any::<bool>(), kinds(), name).prop_map(
        |(asset, is_buy, price, size, reduce_only, kind, cloid)| PlaceWire {
            asset,
            is_buy,
            price,
            size,
            reduce_only,
            kind,
            cloid,
        },
    )
}

/// Numbers that orders had, mostly.
fn oids() -> impl Strategy<Value = u64> {
    prop_oneof![6 => (1_u64..120).prop_map(|count| 200_000_000_000 + count), 1 => any::<u64>()]
}

fn keys() -> impl Strategy<Value = OrderKey> {
    prop_oneof![oids().prop_map(OrderKey::Oid), any::<u8>().prop_map(|name| OrderKey::Cloid(cloid(name)))]
}

fn actions() -> impl Strategy<Value = Action> {
    let grouping = prop_oneof![3 => Just(Grouping::Na), 1 => Just(Grouping::NormalTpsl), 1 => Just(Grouping::PositionTpsl)];
    let builder = proptest::option::weighted(0.05, any::<u32>().prop_map(|fee| Builder { address: BEN, fee }));
    let flag = || proptest::option::of(any::<bool>());
    prop_oneof![
        10 => (prop::collection::vec(orders(), 0..5), grouping, builder)
            .prop_map(|(orders, grouping, builder)| Action::Order { orders, grouping, builder }),
        2 => (prop::collection::vec((assets(), oids()).prop_map(|(asset, oid)| CancelWire { asset, oid }), 0..5), flag())
            .prop_map(|(cancels, fast)| Action::Cancel { cancels, fast }),
        1 => (prop::collection::vec((assets(), any::<u8>()).prop_map(|(asset, name)| CancelByCloidWire { asset, cloid: cloid(name) }), 0..5), flag())
            .prop_map(|(cancels, fast)| Action::CancelByCloid { cancels, fast }),
        1 => (keys(), orders(), flag()).prop_map(|(oid, order, always_place)| Action::Modify { oid, order, always_place }),
        1 => (prop::collection::vec((keys(), orders()).prop_map(|(oid, order)| ModifyWire { oid, order }), 0..4), flag())
            .prop_map(|(modifies, always_place)| Action::BatchModify { modifies, always_place }),
        1 => proptest::option::of(any::<u64>()).prop_map(|time| Action::ScheduleCancel { time }),
        1 => (assets(), any::<bool>(), prop_oneof![1_u32..21, any::<u32>()])
            .prop_map(|(asset, is_cross, leverage)| Action::UpdateLeverage { asset, is_cross, leverage }),
        1 => (assets(), any::<bool>(), prop_oneof![-1_000_000_000_i64..1_000_000_000, any::<i64>()])
            .prop_map(|(asset, is_buy, ntli)| Action::UpdateIsolatedMargin { asset, is_buy, ntli }),
        1 => (assets(), numbers()).prop_map(|(asset, leverage)| Action::TopUpIsolatedOnlyMargin { asset, leverage }),
        1 => any::<u64>().prop_map(|weight| Action::ReserveRequestWeight { weight }),
    ]
}

fn world(liquidity: Liquidity, seed: u64) -> World {
    // It moves so much that accounts are liquidated.
    let mut settings = Settings { liquidity, seed, schedule_cancel_volume: Decimal::ZERO, ..settings() };
    for coin in &mut settings.universe {
        coin.volatility_ppm = 60_000;
    }
    World::of(settings)
}

/// Each account is worth what its parts are, and every answer can be written and read.
fn look(world: &World) {
    for user in [ANN, BEN, CAT, MAKER, Address::from_bytes([9; 20])] {
        let exchange = &world.exchange;
        let state = exchange.clearinghouse_state(user);
        let summary = state.margin_summary.expect("it can be counted");
        let worth: Decimal = state
            .asset_positions
            .iter()
            .map(|held| {
                let value = held.position.position_value.expect("shown").get();
                if held.position.szi.get().is_sign_negative() { -value } else { value }
            })
            .sum();
        assert_eq!(summary.account_value.map(Number::get), summary.total_raw_usd.map(|raw| raw.get() + worth));
        let _ = (exchange.user_fees(user), exchange.active_asset_data(user, "KO"), exchange.historical_orders(user));
        let _ =
            (exchange.frontend_open_orders(user), exchange.order_status(user, OrderKey::Cloid(cloid(1))), exchange.fills(user));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_and_nothing_is_made_or_lost(
        deeds in prop::collection::vec((0_usize..3, actions(), 0_u64..20_000), 1..60), is_busy in any::<bool>(), seed in any::<u64>()
    ) {
        let mut world = world(if is_busy { Liquidity::default() } else { Liquidity::NONE }, seed);
        let mut now = 0;
        for (who, action, pause) in deeds {
            now += pause;
            world.advance(now);
            world.act([ANN, BEN, CAT][who], &action);
            world.audit(Decimal::from(30_000));
            world.told.clear();
        }
        look(&world);
        // Into the next hour: funding, and whatever the price does to them.
        world.advance(now.max(HOUR_MS - START % HOUR_MS) + 1_000);
        world.audit(Decimal::from(30_000));
        look(&world);
    }

    #[test]
    fn no_answer_panics(name in ".{0,8}", figures in any::<Option<u32>>(), mantissa in any::<Option<u32>>(), from in 0_u64..4_133_980_799_999, to in proptest::option::of(0_u64..4_133_980_799_999)) {
        let world = World::of(Settings { liquidity: Liquidity::default(), ..settings() });
        let exchange = &world.exchange;
        for coin in [name.as_str(), "KO"] {
            let precision = BookPrecision { n_sig_figs: figures, mantissa };
            prop_assert!(exchange.book(coin, precision).is_none() || precision.is_one());
            for interval in Interval::all() {
                let _ = exchange.candles(coin, interval, millis(from), to.map(millis));
            }
            let _ = (exchange.context(coin), exchange.bbo(coin), exchange.recent_trades(coin), exchange.funding_history(coin, millis(from), to.map(millis)));
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |settings: Settings| Exchange::new(settings).expect_err("no exchange").to_string();
    let mut cases = vec![
        (Settings { universe: Vec::new(), ..settings() }, "0 coins: there must be 1 to 200"),
        (
            Settings { fees: Fees { tiers: Vec::new() }, ..settings() },
            "the fee tiers must begin at a volume of 0 and rise, with rates from -0.001 to 0.01",
        ),
        (Settings { history_minutes: 1_000_000, ..settings() }, "minutes of history must lie between 0 and 100000"),
        (
            Settings { prices: Prices::Recorded(vec![vec![PricePoint { time: time(0), price: Decimal::ZERO }]]), ..settings() },
            "the recorded prices of KO: each must be positive and at most ten million",
        ),
    ];
    let doubled = settings();
    cases.push((
        Settings { universe: vec![doubled.universe[0].clone(), doubled.universe[0].clone()], ..settings() },
        "\"KO\" cannot be the name of a coin, or two have it",
    ));
    let mut tiny = settings();
    tiny.universe[0].start_price = Decimal::new(1, 9);
    cases.push((tiny, "KO: its price at the start is smaller than any it can have"));
    for (settings, words) in cases {
        assert_eq!(refused(settings), words);
    }
    let mut world = World::new();
    for amount in [Decimal::ZERO, -Decimal::ONE, Decimal::MAX, Decimal::new(1, 7)] {
        assert_eq!(world.exchange.deposit(ANN, amount), Err(DepositError::Amount));
    }
    assert_eq!(world.exchange.deposit(MAKER, Decimal::ONE), Err(DepositError::House));
    for place in 0..ACCOUNTS_MAX {
        let mut bytes = [0xee; 20];
        bytes[..8].copy_from_slice(&place.to_be_bytes());
        let _ = world.exchange.deposit(Address::from_bytes(bytes), Decimal::ONE);
    }
    assert_eq!(world.exchange.deposit(Address::from_bytes([0xdd; 20]), Decimal::ONE), Err(DepositError::Accounts));
}
