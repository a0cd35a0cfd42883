//! What the exchange says, as scripts write it.

use super::{Script, number};
use crate::*;

impl Script {
    /// The time a line names, or now.
    pub(super) fn time(&self, words: &[&str]) -> Timestamp {
        let named = words.iter().position(|word| *word == "time");
        named.map_or(self.now, |place| Timestamp::from_millis(words[place + 1].parse().expect("a time")))
    }

    pub(super) fn report(&self, words: &[&str]) -> PositionReport {
        let option = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
        PositionReport {
            instrument: InstrumentId::new(words[0].parse().expect("an instrument")),
            size: number(words[1]),
            entry_price: option("entry").map(|price| Price::new(number(price)).expect("positive")),
            leverage: option("leverage").map(|leverage| leverage.parse().expect("a number")),
            margin_mode: option("leverage").map(|_| MarginMode::Cross),
            liquidation_price: option("liquidated").map(|price| Price::new(number(price)).expect("positive")),
            time: self.time(words),
        }
    }

    pub(super) fn snapshot(&self, words: &[&str]) -> AccountSnapshot {
        let held = words.iter().filter_map(|word| word.split_once('='));
        let position = |(instrument, held): (&str, &str)| match held.split_once('x') {
            Some((size, entry)) => self.report(&[instrument, size, "entry", entry]),
            None => self.report(&[instrument, held]),
        };
        let positions = held.map(position).collect();
        let cash = words.iter().position(|word| *word == "cash").map(|place| number(words[place + 1]));
        let shown = words.iter().filter_map(|word| word.split_once('@').map(|(name, price)| self.shown(name, price)));
        let orders = shown.collect();
        AccountSnapshot { time: self.time(words), positions, orders, cash, ..AccountSnapshot::default() }
    }

    /// An order as it was sent, open at a price.
    fn shown(&self, name: &str, price: &str) -> VenueOrder {
        let NewOrder { client_id, instrument, side, size, reduce_only, .. } = self.order(name);
        let kind = OrderKind::Limit { price: Price::new(number(price)).expect("positive"), time_in_force: TimeInForce::Gtc };
        let (venue_order, remaining, as_of) = (default_form(name), size.get(), self.now);
        VenueOrder { order: Some(client_id), venue_order, instrument, side, size, remaining, kind, reduce_only, as_of }
    }

    pub(super) fn external(&mut self, verb: &str, words: &[&str]) -> VenueEvent {
        let venue_order = VenueOrderId::new(words[0].parse().expect("a number"));
        if verb == "external-gone" {
            return VenueEvent::ExternalGone { venue_order };
        }
        let side = if words[1] == "buy" { Side::Buy } else { Side::Sell };
        let (instrument, size) = (InstrumentId::new(0), Size::new(number(words[2])).expect("positive"));
        let price = Price::new(number(words[3])).expect("positive");
        if verb == "external" {
            let kind = OrderKind::Limit { price, time_in_force: TimeInForce::Gtc };
            let (remaining, reduce_only, as_of) = (size.get(), false, self.now);
            let order = VenueOrder { order: None, venue_order, instrument, side, size, remaining, kind, reduce_only, as_of };
            return VenueEvent::Open(Box::new(order));
        }
        self.trades += 1;
        let force = force(words);
        let (trade_id, fee, maker, time) = (trade(words).unwrap_or(TradeId::new(self.trades)), Decimal::ZERO, false, self.now);
        let fill = VenueFill { order: None, venue_order, trade_id, instrument, side, price, size, fee, maker, force, time };
        VenueEvent::Fill(Box::new(fill))
    }

    pub(super) fn about_order(&mut self, verb: &str, words: &[&str]) -> VenueEvent {
        let NewOrder { client_id: order, instrument, side, reduce_only, .. } = self.order(words[0]);
        let option = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
        let form = option("v").map(|form| VenueOrderId::new(form.parse().expect("a number")));
        let venue_order = form.unwrap_or_else(|| default_form(words[0]));
        let refusal = || Refusal { code: "venue-says-no".into(), message: "no".to_owned() };
        let limit =
            |price| OrderKind::Limit { price: Price::new(number(price)).expect("positive"), time_in_force: TimeInForce::Gtc };
        let size = |size| Size::new(number(size)).expect("positive");
        let time = |time: &str| Timestamp::from_millis(time.parse().expect("a time"));
        match verb {
            "accept" => VenueEvent::Accepted { order, venue_order },
            "reject" => VenueEvent::Rejected { order, refusal: refusal() },
            "cancelled" => VenueEvent::Cancelled { order, venue_order: form, reason: "as asked".into() },
            "expired" => VenueEvent::Expired { order },
            "resized" => VenueEvent::Resized { order, size: size(words[1]) },
            "unanswered" => VenueEvent::Unanswered { order },
            "absent" => VenueEvent::Absent { order, as_of: time(words[1]) },
            "open" => VenueEvent::Open(Box::new(VenueOrder {
                order: Some(order).filter(|_| !words.contains(&"nameless")),
                venue_order,
                instrument,
                side,
                size: size(words[1]),
                remaining: number(words[1]),
                kind: limit(words[2]),
                reduce_only,
                as_of: time(words[3]),
            })),
            "trigger" => VenueEvent::Triggered { order },
            "request-rejected" => {
                let request = if words.contains(&"cancel") { RequestKind::Cancel } else { RequestKind::Amend };
                VenueEvent::RequestRejected { order, request, refusal: refusal() }
            }
            "amended" => {
                let venue_order = form.unwrap_or(VenueOrderId::new(default_form(words[0]).get() + 1000));
                VenueEvent::Amended { order, venue_order, size: size(words[1]), kind: limit(words[2]) }
            }
            "exit-live" => {
                let kind = if words[0].ends_with('p') { TriggerKind::TakeProfit } else { TriggerKind::Stop };
                let trigger_price = Price::new(number(words[2])).expect("positive");
                let kind = OrderKind::Trigger { kind, trigger_price, limit_price: None };
                let size = Size::new(number(words[1])).expect("positive");
                VenueEvent::ExitLive { order, venue_order, instrument, side, size, kind }
            }
            "fill" => {
                self.trades += 1;
                VenueEvent::Fill(Box::new(VenueFill {
                    order: Some(order).filter(|_| !words.contains(&"nameless")),
                    venue_order,
                    trade_id: trade(words).unwrap_or(TradeId::new(self.trades)),
                    instrument,
                    side,
                    price: Price::new(number(words[2])).expect("positive"),
                    size: Size::new(number(words[1])).expect("positive"),
                    fee: option("fee").map_or(Decimal::ZERO, number),
                    maker: false,
                    force: force(words),
                    time: self.time(words),
                }))
            }
            other => panic!("no line begins with {other:?}"),
        }
    }
}

/// The number of a trade, where a line says it.
fn trade(words: &[&str]) -> Option<TradeId> {
    let place = words.iter().position(|word| *word == "trade")?;
    Some(TradeId::new(words[place + 1].parse().expect("a number")))
}

/// Why the exchange made a fill by force, where a line says so.
fn force(words: &[&str]) -> Option<Force> {
    let named =
        [("liquidation", Force::Liquidation), ("deleveraging", Force::AutoDeleveraging), ("settlement", Force::Settlement)];
    named.into_iter().find_map(|(name, force)| words.contains(&name).then_some(force))
}

/// The number that the exchange gives an order unless a line says otherwise: its place, and apart from that for its exits.
fn default_form(name: &str) -> VenueOrderId {
    let place: u64 = name.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().expect("an order");
    VenueOrderId::new(match name.chars().last() {
        Some('p') => place + 100,
        Some('s') => place + 200,
        _ => place,
    })
}
