//! From the contract's hooks to the [`Strategy`] trait.
//!
//! A hook that returns intents handles its event and then, as long as nothing was asked for, pulls the following event with
//! `events.next` inside the same call: that costs a fraction of a hook call. Authors never see it.

use crate::backend::{Pulled, Returned};
use crate::bindings::exports::calypte::strategy::{
    account_events, checkpoint, feed_events, lifecycle, market_events, parameter_events, timer_events,
};
use crate::{
    BalanceEvent, BookEvent, CandleEvent, Context, ContextEvent, Event, FeedEvent, FundingEvent, Hears, Intent, Intents,
    Manifest, OrderEvent, ParamValue, Parameters, PositionEvent, QuoteEvent, StopReason, Strategy, Subscription, TimerEvent,
    TradeEvent,
};

/// Where a component keeps its one strategy. [`export!`](crate::export) implements it.
#[doc(hidden)]
pub trait Slot: 'static {
    /// The strategy.
    type Strategy: Strategy;
    /// Works on it; none before `init`, or after a refusal.
    fn with<R>(work: impl FnOnce(&mut Option<Self::Strategy>) -> R) -> R;
}

/// Makes a component of a strategy: `calypte_strategy::export!(MyStrategy);`, once per crate.
#[rustfmt::skip] // it would move the line with `with_types_in`
#[macro_export]
macro_rules! export {
    ($strategy:ty) => {
        /// The component around the strategy.
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static STRATEGY: ::std::cell::RefCell<::std::option::Option<$strategy>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            impl $crate::component::Slot for Component {
                type Strategy = $strategy;

                fn with<R>(work: impl ::std::ops::FnOnce(&mut ::std::option::Option<$strategy>) -> R) -> R {
                    STRATEGY.with(|strategy| work(&mut strategy.borrow_mut()))
                }
            }

            // Functions of interfaces that the world below does not have are not taken over into the component.
            $crate::component::export_interface!(Component: lifecycle __export_calypte_strategy_lifecycle_0_1_0_cabi);
            $crate::component::export_interface!(Component: market_events __export_calypte_strategy_market_events_0_1_0_cabi);
            $crate::component::export_interface!(Component: account_events __export_calypte_strategy_account_events_0_1_0_cabi);
            $crate::component::export_interface!(Component: timer_events __export_calypte_strategy_timer_events_0_1_0_cabi);
            $crate::component::export_interface!(Component: feed_events __export_calypte_strategy_feed_events_0_1_0_cabi);
            $crate::component::export_interface!(
                Component: parameter_events __export_calypte_strategy_parameter_events_0_1_0_cabi
            );
            $crate::component::export_interface!(Component: checkpoint __export_calypte_strategy_checkpoint_0_1_0_cabi);

            const WORLD: &[::std::primitive::u8] = <$strategy as $crate::Strategy>::HEARS.world();
            #[unsafe(link_section = "component-type:calypte-strategy")]
            #[doc(hidden)]
            pub static SAID: [::std::primitive::u8; WORLD.len()] = $crate::hears::array(WORLD);
        };

        // Natively there is nothing to export; a missing hook is an error all the same.
        #[cfg(not(target_family = "wasm"))]
        const _: fn(&mut $crate::Context) -> ::std::result::Result<$strategy, $crate::Refusal> =
            <$strategy as $crate::Strategy>::init;
    };
}

/// Exports one interface of the contract, as `wit-bindgen` does it.
#[doc(hidden)]
#[macro_export]
macro_rules! export_interface {
    ($component:ident: $interface:ident $exporting:ident) => {
        $crate::bindings::exports::calypte::strategy::$interface::$exporting!(
            $component with_types_in $crate::bindings::exports::calypte::strategy::$interface
        );
    };
}
#[doc(hidden)]
pub use export_interface;

/// Hands an event to its hook, where it is one that the strategy hears.
#[inline]
pub(crate) fn deliver<S: Strategy>(strategy: &mut S, event: &Event, intents: &mut Intents) {
    if !S::HEARS.includes_event(event) {
        return;
    }
    match event {
        Event::Candle(event) => strategy.on_candle(event, intents),
        Event::Trade(event) => strategy.on_trade(event, intents),
        Event::Quote(event) => strategy.on_quote(event, intents),
        Event::Book(event) => strategy.on_book(event, intents),
        Event::Context(event) => strategy.on_context(event, intents),
        Event::Position(event) => strategy.on_position(event, intents),
        Event::Order(event) => strategy.on_order(event, intents),
        Event::Funding(event) => strategy.on_funding(event, intents),
        Event::Balance(event) => strategy.on_balance(event, intents),
        Event::Timer(event) => strategy.on_timer(event, intents),
        Event::Feed(event) => strategy.on_feed(event, intents),
    }
}

/// Handles an event and whatever can be pulled after it, up to the first that asks for something.
///
/// An event is as large as its largest kind, and moving one took longer than most strategies take for a candle: each is handed
/// on where it lies.
pub(crate) fn drive<S: Strategy>(strategy: &mut S, event: Event) -> Vec<Intent> {
    let mut intents = Intents::new();
    deliver(strategy, &event, &mut intents);
    drop(event);
    let mut returned = Returned::new();
    while intents.is_empty() && strategy.fast_path() {
        match returned.next() {
            None => return Vec::new(),
            Some(Pulled::Candle(event)) if S::HEARS.includes(Hears::MARKET) => strategy.on_candle(event, &mut intents),
            Some(Pulled::Candle(_)) => {}
            Some(Pulled::Other(event)) => deliver(strategy, &event.read(), &mut intents),
        }
    }
    intents.into_vec()
}

/// A hook that returns intents. Before `init`, or after a refusal, there is nobody to ask.
///
/// Never inlined: one copy serves every hook, and each byte is compiled again at upload.
#[inline(never)]
fn hook<T: Slot>(event: Event) -> Vec<Intent> {
    T::with(|slot| slot.as_mut().map(|strategy| drive(strategy, event)).unwrap_or_default())
}

impl<T: Slot> lifecycle::Guest for T {
    fn describe() -> Manifest {
        T::Strategy::describe()
    }

    fn init(context: lifecycle::Context) -> Result<Vec<Subscription>, String> {
        let mut context = Context::new(context);
        match T::Strategy::init(&mut context) {
            Ok(strategy) => {
                T::with(|slot| *slot = Some(strategy));
                Ok(context.into_subscriptions())
            }
            Err(refusal) => Err(refusal.0),
        }
    }

    fn on_stop(reason: StopReason) -> Vec<Intent> {
        T::with(|slot| {
            let mut intents = Intents::new();
            if let Some(strategy) = slot {
                strategy.on_stop(reason, &mut intents);
            }
            intents.into_vec()
        })
    }
}

impl<T: Slot> market_events::Guest for T {
    fn on_candle(event: CandleEvent) -> Vec<Intent> {
        hook::<T>(Event::Candle(event))
    }

    fn on_trade(event: TradeEvent) -> Vec<Intent> {
        hook::<T>(Event::Trade(event))
    }

    fn on_quote(event: QuoteEvent) -> Vec<Intent> {
        hook::<T>(Event::Quote(event))
    }

    fn on_book(event: BookEvent) -> Vec<Intent> {
        hook::<T>(Event::Book(event))
    }

    fn on_context(event: ContextEvent) -> Vec<Intent> {
        hook::<T>(Event::Context(event))
    }
}

impl<T: Slot> account_events::Guest for T {
    fn on_position(event: PositionEvent) -> Vec<Intent> {
        hook::<T>(Event::Position(event))
    }

    fn on_order(event: OrderEvent) -> Vec<Intent> {
        hook::<T>(Event::Order(event))
    }

    fn on_funding(event: FundingEvent) -> Vec<Intent> {
        hook::<T>(Event::Funding(event))
    }

    fn on_balance(event: BalanceEvent) -> Vec<Intent> {
        hook::<T>(Event::Balance(event))
    }
}

impl<T: Slot> timer_events::Guest for T {
    fn on_timer(event: TimerEvent) -> Vec<Intent> {
        hook::<T>(Event::Timer(event))
    }
}

impl<T: Slot> feed_events::Guest for T {
    fn on_feed(event: FeedEvent) -> Vec<Intent> {
        hook::<T>(Event::Feed(event))
    }
}

impl<T: Slot> parameter_events::Guest for T {
    fn on_params(parameters: Vec<(String, ParamValue)>) -> Result<(), String> {
        T::with(|slot| match slot {
            Some(strategy) => strategy.on_params(&Parameters::new(parameters)).map_err(|refusal| refusal.0),
            None => Err("the strategy has not begun".into()),
        })
    }
}

impl<T: Slot> checkpoint::Guest for T {
    fn save() -> Vec<u8> {
        T::with(|slot| slot.as_mut().map(Strategy::save).unwrap_or_default())
    }
}
