//! What a message and an order cost: bytes to events, and an approved order to signed bytes.

use calypte_kernel::{Decimal, SeriesId, SeriesInfo, Symbol, Timeframe, Timestamp};
use calypte_venues::hyperliquid::assets::Assets;
use calypte_venues::hyperliquid::market::MarketDesk;
use calypte_venues::hyperliquid::protocol::{
    Action, Address, Grouping, Meta, Millis, Number, OrderTypeWire, PlaceWire, ServerFrame, Tif, parse,
};
use calypte_venues::hyperliquid::sign::{Network, SecretKey, Terms, agent_digest, connection_id, sign_action};
use calypte_venues::hyperliquid::translate;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const META: &str = r#"{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40}]}"#;
const QUOTE: &str = r#"{"channel":"bbo","data":{"coin":"BTC","time":1750000000001,"bbo":[{"px":"104250.0","sz":"3.41525","n":12},{"px":"104251.0","sz":"0.75012","n":4}]}}"#;
const BAR: &str = r#"{"channel":"candle","data":{"t":1750000020000,"T":1750000079999,"s":"BTC","i":"1m","o":"104250.0","c":"104261.0","h":"104280.0","l":"104241.0","v":"12.50312","n":912}}"#;
const FILL: &str = r#"{"channel":"userFills","data":{"user":"0x00000000000000000000000000000000000000aa","fills":[{"coin":"BTC","px":"104250.0","sz":"0.00125","side":"B","time":1750000000007,"startPosition":"0.0","dir":"Open Long","closedPnl":"0.0","hash":"0x4f1b2c3d4e5f60718293a4b5c6d7e8f94f1b2c3d4e5f60718293a4b5c6d7e8f9","oid":91490942512,"crossed":false,"fee":"0.019546","tid":901123456789012,"feeToken":"USDC","cloid":"0x000000000000000000000000000000c1"}]}}"#;

/// A book of twenty levels on each side.
fn book() -> String {
    let side = |from: i64, step: i64| {
        let level =
            |place: i64| format!(r#"{{"px":"{}.0","sz":"{}.41525","n":{}}}"#, from + step * place, place % 7, 1 + place % 5);
        (0..20).map(level).collect::<Vec<_>>().join(",")
    };
    let (bids, asks) = (side(104_250, -1), side(104_251, 1));
    format!(r#"{{"channel":"l2Book","data":{{"coin":"BTC","time":1750000000000,"levels":[[{bids}],[{asks}]]}}}}"#)
}

fn assets() -> Assets {
    let meta: Meta = parse(META.as_bytes()).expect("a universe");
    Assets::new(&meta, &["BTC".parse::<Symbol>().expect("a symbol")]).expect("assets")
}

fn decode(criterion: &mut Criterion) {
    let assets = assets();
    let parse = |text: &str| ServerFrame::parse(black_box(text).as_bytes()).expect("a frame");
    criterion.bench_function("decode a quote", |bencher| {
        bencher.iter(|| match parse(QUOTE) {
            ServerFrame::Bbo(quote) => translate::quote(&assets, &quote).expect("a quote"),
            _ => unreachable!("it is a quote"),
        });
    });
    let book = book();
    criterion.bench_function("decode a book of 20 levels a side", |bencher| {
        bencher.iter(|| match parse(&book) {
            ServerFrame::Book(book) => translate::book(&assets, &book).expect("a book"),
            _ => unreachable!("it is a book"),
        });
    });
    criterion.bench_function("decode a fill", |bencher| {
        bencher.iter(|| match parse(FILL) {
            ServerFrame::Fills(fills) => translate::fill(&assets, fills.user, &fills.of[0]).expect("a fill"),
            _ => unreachable!("it is a fill"),
        });
    });
    let series =
        SeriesInfo { id: SeriesId::new(0), instrument: calypte_kernel::InstrumentId::new(0), timeframe: Timeframe::MINUTE };
    let now = Timestamp::from_millis(1_750_000_030_000);
    let mut desk = MarketDesk::new(vec![series], now);
    desk.want(&assets, calypte_kernel::Feed::Candles(series.id), None).expect("it is listed");
    let mut news = Vec::new();
    criterion.bench_function("decode a bar", |bencher| {
        bencher.iter(|| desk.frame(now, &assets, &parse(BAR), &mut news));
    });
    assert!(news.is_empty(), "it is the running one");
}

fn order() -> Action {
    let number = |text: &str| Number::new(text.parse::<Decimal>().expect("a number"));
    let place = PlaceWire {
        asset: 0,
        is_buy: true,
        price: number("104250"),
        size: number("0.00125"),
        reduce_only: false,
        kind: OrderTypeWire::Limit { tif: Tif::Gtc },
        cloid: serde_json::from_str("\"0x010000010002000000000000030007ff\"").expect("a name"),
    };
    Action::Order { orders: vec![place], grouping: Grouping::Na, builder: None }
}

fn sign(criterion: &mut Criterion) {
    let key = SecretKey::from_bytes(&[7; 32]).expect("a key");
    let terms = Terms { nonce: 1_750_000_000_000, vault: None, expires_after: Millis::new(1_750_000_010_000) };
    let action = order();
    criterion.bench_function("sign and encode an order", |bencher| {
        bencher.iter(|| {
            let envelope = sign_action(&key, Network::Mainnet, black_box(&action).clone(), terms);
            serde_json::to_vec(&envelope).expect("text")
        });
    });
    let digest = agent_digest(Network::Mainnet, connection_id(&action, &terms).expect("it packs"));
    criterion.bench_function("of that, the signature", |bencher| bencher.iter(|| key.sign(black_box(digest))));
    assert_ne!(key.address(), Address::from_bytes([0; 20]));
}

criterion_group!(benches, decode, sign);
criterion_main!(benches);
