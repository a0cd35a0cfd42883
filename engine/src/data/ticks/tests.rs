//! Files of ticks as they are found, and broken ones.

use super::*;
use crate::data::tests::shared;
use calypte_kernel::Timeframe;
use proptest::prelude::*;

const ID: InstrumentId = InstrumentId::new(0);

fn options(on_fault: OnFault) -> ReadOptions {
    ReadOptions { on_fault, ..ReadOptions::new(Timeframe::MINUTE) }
}

fn all(mut file: TickFile) -> Result<(Vec<Tick>, Notes), DataError> {
    let mut ticks = Vec::new();
    while file.read(&mut ticks)? {}
    assert!(file.sha256()?.len() == 64);
    Ok((ticks, file.notes().clone()))
}

fn text(kind: TickKind, text: &str, on_fault: OnFault) -> Result<(Vec<Tick>, Notes), DataError> {
    all(TickFile::from_text("ticks.csv", std::io::Cursor::new(text.to_owned().into_bytes()), (ID, kind), &options(on_fault))?)
}

/// What stopping at the first fault says.
fn refusal(kind: TickKind, rows: &str) -> String {
    text(kind, rows, OnFault::Stop).expect_err(rows).to_string()
}

#[test]
fn the_collected_files_are_read_to_their_last_row() {
    let Some(data) = shared() else { return };
    for (name, kind, rows) in [
        ("BTC-funding-hyperliquid", TickKind::Funding, 18_778),
        ("HYPE-funding-hyperliquid", TickKind::Funding, 5_587),
        ("BTCUSDT-funding-binanceum", TickKind::Funding, 6_270),
        ("BTC-trades-hyperliquid", TickKind::Trades, 6_675),
        ("ETH-trades-hyperliquid", TickKind::Trades, 6_385),
        ("BTC-bbo-hyperliquid", TickKind::Quotes, 13_896),
        ("BTC-l2-hyperliquid", TickKind::Book, 3_782),
        ("ETH-l2-hyperliquid", TickKind::Book, 2_081),
    ] {
        let path = data.join(format!("{name}.csv.gz"));
        let file = TickFile::open(&path, ID, kind, &options(OnFault::Stop)).expect(name);
        let (ticks, notes) = all(file).expect(name);
        assert_eq!((ticks.len(), notes.rows, notes.dropped), (rows, rows as u64, 0), "{name}");
        if let Tick::Book(book) = &ticks[0] {
            assert_eq!((book.bids.len(), book.asks.len()), (20, 20), "{name}");
        }
    }
}

#[test]
fn the_broken_collection_is_told_line_by_line() {
    let Some(data) = shared() else { return };
    for (name, kind, faults) in [
        ("made-bad-trades", TickKind::Trades, [("not-a-side", 4), ("not-positive", 3)]),
        // Scientific notation (line 22) is a number.
        ("made-bad-funding", TickKind::Funding, [("rate-too-large", 1), ("not-a-number", 1)]),
    ] {
        let path = data.join("dirty").join(format!("{name}.csv"));
        let open = |on_fault| TickFile::open(&path, ID, kind, &options(on_fault)).expect(name);
        let (ticks, notes) = all(open(OnFault::Skip)).expect(name);
        for (fault, count) in faults {
            assert_eq!(notes.faults.get(fault).map(|fault| fault.count), Some(count), "{name}: {:?}", notes.faults);
        }
        assert_eq!(ticks.len() as u64, notes.rows - notes.dropped);
        let stopped = all(open(OnFault::Stop)).expect_err(name).to_string();
        assert!(stopped.contains(name) && stopped.contains("line "), "{stopped}");
    }
    let path = data.join("dirty/made-bad-funding.csv");
    let (_, notes) = all(TickFile::open(&path, ID, TickKind::Funding, &options(OnFault::Skip)).expect("opens")).expect("reads");
    assert_eq!(notes.faults["hour-twice"].count, 1, "{:?}", notes.faults);
}

#[test]
fn funding_is_due_at_the_hour_however_late_it_was_recorded() {
    let rows = "time_ms,funding_rate\n1683849600048,-0.0006\n1683853223000,0.0001\n";
    let (ticks, _) = text(TickKind::Funding, rows, OnFault::Stop).expect("sound");
    let due = ticks.iter().map(|tick| tick.time().as_millis()).collect::<Vec<_>>();
    assert_eq!(due, [1_683_849_600_000, 1_683_853_200_000]);
}

#[test]
fn each_fault_is_named_with_line_and_value() {
    let trades = |row: &str| refusal(TickKind::Trades, &format!("time_ms,price,size,side\n1757015209306,5,1,buy\n{row}\n"));
    for (row, said) in [
        ("1757015209305,5,1,buy", "line 3: time 1757015209305 comes after 1757015209306 of line 2"),
        ("1757015209306,x,1,buy", "line 3: price is not a number: \"x\""),
        ("1757015209306,0,1,buy", "line 3: price is 0, but it must be above zero"),
        ("1757015209306,5,-1,buy", "line 3: size is -1"),
        ("1757015209306,5,1,B", "line 3: side is \"B\", but it must be buy or sell"),
        ("1757015209306,5,1", "line 3: 3 fields instead of 4"),
        ("1757015209,5,1,buy", "line 3: "),
        ("soon,5,1,buy", "line 3: \"soon\" is not a time"),
        ("time_ms,price,size,side", "line 3: the header stands here again"),
        ("1757015209306,12345678901234567890,1,buy", "line 3: price has more digits than fit"),
    ] {
        let words = trades(row);
        assert!(words.contains("ticks.csv") && words.contains(said), "{row}: {words}");
    }
    let quotes = "time_ms,bid_price,bid_size,ask_price,ask_size\n1757015209306,10,1,10,1\n";
    assert!(refusal(TickKind::Quotes, quotes).contains("line 2: the bid 10 is not below the ask 10"));
    let book = "time_ms,bid_price_0,bid_size_0,ask_price_0,ask_size_0,bid_price_1,bid_size_1,ask_price_1,ask_size_1\n\
                1757015209306,10,1,11,1,10,1,12,1\n";
    assert!(refusal(TickKind::Book, book).contains("line 2: bid_price_1 10 does not lie behind the level before it, 10"));
}

#[test]
fn a_side_of_a_book_may_be_short_or_empty() {
    let rows = "time_ms,bid_price_0,bid_size_0,ask_price_0,ask_size_0,bid_price_1,bid_size_1,ask_price_1,ask_size_1\n\
                1757015209306,,,11,1,,,12,1\n";
    let (ticks, _) = text(TickKind::Book, rows, OnFault::Stop).expect("sound");
    let Tick::Book(book) = &ticks[0] else { panic!("a book") };
    assert_eq!((book.bids.len(), book.asks.len()), (0, 2));
}

#[test]
fn another_table_is_refused_by_its_columns() {
    let candles = "open_time_ms,open,high,low,close,volume\n1757015209306,1,1,1,1,1\n";
    assert!(refusal(TickKind::Trades, candles).contains("is the price of trades"));
    assert!(refusal(TickKind::Funding, "time_ms,price,size,side\n").contains("time_ms,funding_rate"));
    assert!(refusal(TickKind::Trades, "").contains("empty"));
    assert!(refusal(TickKind::Trades, "time_ms,price,size,side\n").contains("no row"));
    let dropped = text(TickKind::Trades, "time_ms,price,size,side\n1757015209306,5,1,B\n", OnFault::Skip);
    assert!(dropped.expect_err("nothing is left").to_string().contains("all 1 were dropped"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        rows in proptest::collection::vec("[0-9a-z,.\\-\u{e9}]{0,40}", 0..12), place in 0..4_usize, skip: bool
    ) {
        let (kind, header) = [
            (TickKind::Funding, "time_ms,funding_rate"),
            (TickKind::Trades, "time_ms,price,size,side"),
            (TickKind::Quotes, "time_ms,bid_price,bid_size,ask_price,ask_size"),
            (TickKind::Book, "time_ms,bid_price_0,bid_size_0,ask_price_0,ask_size_0"),
        ][place];
        let on_fault = if skip { OnFault::Skip } else { OnFault::Stop };
        if let Ok((ticks, notes)) = text(kind, &format!("{header}\n{}", rows.join("\n")), on_fault) {
            prop_assert!(ticks.windows(2).all(|pair| pair[0].time() <= pair[1].time()));
            prop_assert_eq!(ticks.len() as u64, notes.rows - notes.dropped);
        }
    }
}
