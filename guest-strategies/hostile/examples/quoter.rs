//! Lives on trades, quotes and books, keeps one post-only bid at the best bid, and says at its end what it was handed.

use calypte_strategy::prelude::*;
use calypte_strategy::{FeedKind, Level, log};

/// Names its only order.
const BID: u64 = 1;
/// Quotes between two looks at where the bid should be.
const QUOTES_PER_LOOK: u64 = 25;

struct Quoter {
    instrument: InstrumentId,
    trades: u64,
    quotes: u64,
    books: u64,
    funding: u64,
    levels: usize,
}

impl Strategy for Quoter {
    fn describe() -> Manifest {
        let manifest = Manifest::new("quoter", "1.0.0").description("Hears ticks. For tests only.");
        manifest.feed(FeedKind::Trades).feed(FeedKind::Quotes).feed(FeedKind::Book)
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let instrument = context.instruments.first().map(|instrument| instrument.id);
        let instrument = instrument.ok_or_else(|| Refusal("no instrument was given".into()))?;
        context.subscribe_trades(instrument);
        context.subscribe_quotes(instrument);
        context.subscribe_book(instrument, 5);
        Ok(Self { instrument, trades: 0, quotes: 0, books: 0, funding: 0, levels: 0 })
    }

    fn on_trade(&mut self, _event: &TradeEvent, _intents: &mut Intents) {
        self.trades += 1;
    }

    fn on_quote(&mut self, event: &QuoteEvent, intents: &mut Intents) {
        if self.quotes.is_multiple_of(QUOTES_PER_LOOK) {
            if account::open_orders().is_empty() {
                let size = Decimal::new(1, 2);
                intents.buy_limit(self.instrument, size, event.quote.bid_price).post_only().tag(BID);
            } else {
                intents.cancel_tag(BID);
            }
        }
        self.quotes += 1;
    }

    fn on_book(&mut self, event: &BookEvent, _intents: &mut Intents) {
        self.books += 1;
        self.levels = self.levels.max(event.bids.len());
    }

    fn on_funding(&mut self, event: &FundingEvent, _intents: &mut Intents) {
        self.funding += 1;
        log::write(Level::Info, &format!("funding {} at {}", event.payment, event.time));
    }

    fn on_stop(&mut self, _reason: StopReason, _intents: &mut Intents) {
        let Self { trades, quotes, books, funding, levels, .. } = self;
        status::text(&format!("{trades} trades, {quotes} quotes, {books} books of {levels} levels, {funding} payments"));
    }
}

calypte_strategy::export!(Quoter);
